package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"clarityos/images"
)

func newDisk() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "disk IMAGE",
		Short: "Write an image as a disk that firmware boots",
		Long: "Write an image as a disk that UEFI firmware boots: a partition for the loader, systemd-boot, a read-only\n" +
			"root that dm-verity checks, room for another one, and one for /var where the image wants that.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			img, err := images.Open(args[0])
			if err != nil {
				return err
			}
			if err := img.WriteDisk(c.Context(), out, func(line string) { fmt.Fprintln(os.Stderr, "  "+line) }); err != nil {
				return err
			}
			fmt.Println(out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "disk.raw", "the new file")
	return c
}
