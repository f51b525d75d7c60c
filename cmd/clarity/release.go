package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"clarityos/images"
	"clarityos/update/manifest"
	"clarityos/update/repo"
	"clarityos/update/source"
)

func newRepoAdd() *cobra.Command {
	var ring keyring
	var key, channel string
	var secure images.SecureBoot
	c := &cobra.Command{
		Use:   "add REPO IMAGE…",
		Short: "Offer images to machines",
		Long: `Offer images, whose definitions have a table [update], to machines: pack what a root
slot has of each, sign that, and publish it. It needs the keys of targets, snapshot and
timestamp. --key and --secure-boot sign roots and kernels, as ` + "`clarity disk`" + ` does; machines
whose disks were written with them take nothing else.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			o := images.DiskOptions{Progress: func(line string) { fmt.Fprintln(os.Stderr, "  "+line) }}
			var err error
			if key != "" {
				if o.Key, err = images.ReadKey(key); err != nil {
					return err
				}
			}
			if secure.Key != "" {
				o.SecureBoot = &secure
			}
			r, err := openRepo(args[0], &ring)
			if err != nil {
				return err
			}
			var targets []repo.Target
			for _, dir := range args[1:] {
				img, err := images.Open(dir)
				if err != nil {
					return err
				}
				m, err := img.WriteRelease(c.Context(), args[0], o)
				if err != nil {
					return err
				}
				text, err := m.Encode()
				if err != nil {
					return err
				}
				to := channel
				if to == "" {
					to = img.Update.Channel
				}
				targets = append(targets, repo.Target{Name: manifest.Target(to, m.Name, m.Arch, m.Version), Bytes: text})
			}
			if err := r.Add(c.Context(), targets, nil, time.Now()); err != nil {
				return err
			}
			for _, t := range targets {
				fmt.Fprintln(c.OutOrStdout(), t.Name)
			}
			return nil
		},
	}
	ring.flags(c)
	c.Flags().StringVar(&channel, "channel", "", "the channel, in the place of the image's own")
	c.Flags().StringVar(&key, "key", "", "sign the roots with the key in `FILE`")
	c.Flags().StringVar(&secure.Key, "secure-boot", "", "sign what firmware executes with the private key in `FILE`, PEM")
	c.Flags().StringVar(&secure.Certificate, "certificate", "", "the certificate of that key, in `FILE`, PEM")
	c.MarkFlagsRequiredTogether("secure-boot", "certificate")
	return c
}

func newRepoRemove() *cobra.Command {
	var ring keyring
	var keep time.Duration
	c := &cobra.Command{
		Use:   "remove REPO [RELEASE…]",
		Short: "Offer releases no more, and delete what nothing offers",
		Long: `Offer releases no more, which needs the keys of targets, snapshot and timestamp, and delete
the files that no release needs which is offered. A machine that has begun to take one of
these begins anew with what is offered then. --keep is for how long files stay at least.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := openRepo(args[0], &ring)
			if err != nil {
				return err
			}
			if len(args) > 1 {
				if err := r.Add(c.Context(), nil, args[1:], time.Now()); err != nil {
					return err
				}
			}
			needed, err := neededOf(c.Context(), args[0])
			if err != nil {
				return fmt.Errorf("nothing is deleted: %w", err)
			}
			freed, err := r.Prune(needed, time.Now().Add(-keep))
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%.1f MB are deleted\n", float64(freed)/1e6)
			return nil
		},
	}
	ring.flags(c)
	c.Flags().DurationVar(&keep, "keep", 24*time.Hour, "files that were added since stay")
	return c
}

// neededOf gives the names of files of all releases that a repository offers.
func neededOf(ctx context.Context, dir string) (map[string]bool, error) {
	report, err := repo.Check(ctx, dir, nil, time.Now())
	if err != nil {
		return nil, err
	}
	folder, err := source.Open(dir, source.Options{})
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names := map[string]bool{}
	for _, t := range report.Targets {
		if err := filesOf(ctx, folder, t, names); err != nil {
			return nil, err
		}
	}
	return names, nil
}
