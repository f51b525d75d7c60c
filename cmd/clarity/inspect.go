package main

import (
	"encoding/json"
	"os"

	"clarityos/images"

	"github.com/spf13/cobra"
)

func newInspect() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect IMAGE [PATH...]",
		Short: "Show what an image is made of, or print files of it",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			img, err := images.Open(args[0])
			if err != nil {
				return err
			}
			if len(args) > 1 {
				return img.Cat(os.Stdout, args[1:])
			}
			report, err := img.Inspect()
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(os.Stdout)
				out.SetIndent("", "  ")
				return out.Encode(report)
			}
			return report.Write(os.Stdout)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
