package main

import (
	"fmt"
	"os"
	"strings"

	"clarityos/images"

	"github.com/spf13/cobra"
)

func newBuild() *cobra.Command {
	var o images.Options
	var file, keyFile string
	var fetch bool
	c := &cobra.Command{
		Use:   "build",
		Short: "Build an image from its definition",
		Long: "Build an image from its definition. What the image is made of is pinned in clarity.lock beside the\n" +
			"definition; with everything in the cache no network is touched.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if keyFile != "" {
				text, err := os.ReadFile(keyFile)
				if err != nil {
					return fmt.Errorf("read the key that may log in: %w", err)
				}
				o.AuthorizedKeys = strings.Split(strings.TrimSpace(string(text)), "\n")
			}
			o.Progress = func(line string) { fmt.Fprintln(os.Stderr, "  "+line) }
			if fetch {
				return images.Fetch(c.Context(), file, o)
			}
			img, warnings, err := images.Build(c.Context(), file, o)
			for _, w := range warnings {
				fmt.Fprintln(os.Stderr, "warning:", w)
			}
			if err != nil {
				return err
			}
			if err := images.WriteParts(os.Stderr, img); err != nil {
				return err
			}
			fmt.Println(img.Dir)
			return nil
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "file", "f", "clarity.toml", "the definition")
	f.StringArrayVar(&o.Overlays, "overlay", nil, "lay the definition in `FILE` over it: lists are added, other keys replaced")
	f.StringVarP(&o.Out, "output", "o", "out", "folder in which the image's folder is made")
	f.StringVar(&o.Name, "name", "", "the image's folder, instead of the definition's name")
	f.StringVar(&o.Arch, "arch", "", "amd64 or arm64, instead of the definition's")
	f.StringVar(&o.Kernel, "kernel", "", "debian:SUITE-FLAVOUR, instead of the definition's")
	f.StringVar(&o.Suite, "suite", "", "Debian suite of the packages, instead of the definition's")
	f.StringVar(&o.Lock, "lock", "", "the lock (default clarity.lock beside the definition)")
	f.BoolVar(&fetch, "fetch", false, "only fetch what the image is made of into the cache, and complete the lock")
	f.BoolVar(&o.Fast, "fast", false, "compress less: quicker to build, a tenth larger")
	f.BoolVar(&o.Update, "update", false, "refresh clarity.lock from the mirror")
	f.StringVar(&keyFile, "authorized-key", "", "file with public keys whose holders may log in as root")
	return c
}
