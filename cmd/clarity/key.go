package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"clarityos/images"
)

func newKey() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Draw a key by which the roots on disks are signed",
		Long: `Draw a key by which the roots on disks are signed, and write it to FILE, which must be
new. With it, ` + "`clarity disk --key FILE`" + ` writes disks that boot no root that
another key has signed, or none. Whoever has it can make systems for these machines,
and without it there are no more: keep it where it is neither read nor lost.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := images.NewKey(args[0]); err != nil {
				return err
			}
			fmt.Println(args[0])
			return nil
		},
	}
}
