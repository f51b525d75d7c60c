package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"clarityos/images"
)

func newInspect() *cobra.Command {
	var asJSON bool
	var why string
	c := &cobra.Command{
		Use:   "inspect IMAGE [PATH...]",
		Short: "Show what an image or a disk is made of, print files of an image, or say why one is there",
		Long: `Show what an image is made of or, with PATHs, print files of it. Of a file that is a
disk, show partitions, slots and their record, and boot entries; its roots are read and
checked. With --why, say which part brought a file, and what asked for that part.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := os.Stat(args[0])
			disk := err == nil && !info.IsDir()
			switch {
			case why != "" && len(args) > 1:
				return errors.New("give --why or PATHs, not both")
			case why != "" && disk:
				return fmt.Errorf("%s is a disk, which does not say why a file is there; name the image that it was written from", args[0])
			case disk && len(args) == 1:
				report, err := images.InspectDisk(args[0])
				if err != nil {
					return err
				}
				return printReport(c.OutOrStdout(), report, asJSON)
			}
			img, err := images.Open(args[0])
			if err != nil {
				return err
			}
			if why != "" {
				w, err := img.Why(why)
				if err != nil {
					return err
				}
				return printReport(c.OutOrStdout(), w, asJSON)
			}
			if len(args) > 1 {
				return img.Cat(c.OutOrStdout(), args[1:])
			}
			report, err := img.Inspect()
			if err != nil {
				return err
			}
			return printReport(c.OutOrStdout(), report, asJSON)
		},
	}
	c.Flags().StringVar(&why, "why", "", "say what pulled `FILE` into the image")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printReport(w io.Writer, report interface{ Write(io.Writer) error }, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.Write(w)
}
