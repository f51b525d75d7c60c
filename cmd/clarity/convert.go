package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"clarityos/images/convert"
)

func newConvert() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "convert DISK OUT",
		Short: "Write a disk in the format of another hypervisor, or packed",
		Long: `Write DISK, a raw disk as clarity disk makes it, to the new file OUT in the format that its
name ends with:

  .qcow2     QEMU, libvirt, OpenStack; by qemu-img
  .vhd       Hyper-V, Azure; dynamic, of the same size to the byte; by qemu-img
  .raw.zst   packed; zstd -d makes it DISK again, holes included

OUT is there whole or not at all.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := convert.Convert(c.Context(), args[0], args[1], force); err != nil {
				return err
			}
			fmt.Println(args[1])
			return nil
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace OUT")
	return c
}
