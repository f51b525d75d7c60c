package main

import (
	"fmt"
	"os"

	"clarityos/images"

	"github.com/spf13/cobra"
)

func newKernel() *cobra.Command {
	c := &cobra.Command{Use: "kernel", Short: "Get kernels"}
	c.AddCommand(newKernelFetch())
	return c
}

func newKernelFetch() *cobra.Command {
	var arch string
	var update bool
	c := &cobra.Command{
		Use:     "fetch debian:SUITE-FLAVOUR",
		Short:   "Fetch a Debian kernel into the cache and print its path",
		Example: "  clarity kernel fetch debian:trixie-cloud --arch arm64",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			fetch := images.FetchKernel
			if update {
				fetch = images.RefreshKernel
			}
			k, err := fetch(c.Context(), args[0], arch, func(line string) { fmt.Fprintln(os.Stderr, "  "+line) })
			if err != nil {
				return err
			}
			fmt.Println(k.Image)
			return nil
		},
	}
	c.Flags().StringVar(&arch, "arch", "amd64", "amd64 or arm64")
	c.Flags().BoolVar(&update, "update", false, "ask the mirror for a newer one")
	return c
}
