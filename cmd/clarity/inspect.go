package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"clarityos/images"
)

func newInspect() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect IMAGE [PATH...]",
		Short: "Show what an image or a disk is made of, or print files of an image",
		Long: `Show what an image is made of or, with PATHs, print files of it. Of a file that is a
disk, show partitions, slots and their record, and boot entries; its roots are read and
checked.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err == nil && !info.IsDir() && len(args) == 1 {
				report, err := images.InspectDisk(args[0])
				if err != nil {
					return err
				}
				return printReport(report, asJSON)
			}
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
			return printReport(report, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printReport(report interface{ Write(io.Writer) error }, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.Write(os.Stdout)
}
