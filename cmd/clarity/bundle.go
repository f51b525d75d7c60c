package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"clarityos/update/durable"
	"clarityos/update/install"
	"clarityos/update/manifest"
	"clarityos/update/source"
	"clarityos/update/trust"
	"clarityos/update/trust/tuf"
)

func newBundle() *cobra.Command {
	c := &cobra.Command{
		Use:   "bundle",
		Short: "Releases in one file, for machines without a network",
		Long: `Releases in one file, for machines without a network: a part of a repository, with all
signatures. A machine takes it by ` + "`clarityctl update install FILE`" + `, and trusts it no more and no
longer than the repository that it comes from.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(newBundleCreate(), newBundleInspect(), newBundleVerify())
	return c
}

func newBundleCreate() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "create REPO RELEASE…",
		Short: "Put releases of a repository into one file",
		Long: `Put releases of a repository into one file. A RELEASE is what ` + "`clarity repo check`" + ` lists, such
as stable/demo-amd64/1.2.0.json. The same repository gives the same bytes.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if err := createBundle(c.Context(), args[0], args[1:], out); err != nil {
				return fmt.Errorf("create bundle %s: %w", out, err)
			}
			fmt.Println(out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "update.bundle", "the file")
	return c
}

// createBundle writes what a machine asks for that trusts the repository's first root, and
// the releases.
func createBundle(ctx context.Context, repo string, releases []string, out string) error {
	folder, err := source.Open(repo, source.Options{})
	if err != nil {
		return err
	}
	defer folder.Close()
	root, err := folder.Get(ctx, "metadata/1.root.json", trust.MostRoot)
	if err != nil {
		return err
	}
	names := map[string]bool{"metadata/1.root.json": true}
	targets, err := offered(ctx, folder, root, func(name string) { names[name] = true })
	if err != nil {
		return err
	}
	for _, release := range releases {
		i := slices.IndexFunc(targets, func(t trust.Target) bool { return t.Name == release })
		if i < 0 {
			return fmt.Errorf("%s has no release %s; it has %s", repo, release, strings.Join(namesOf(targets), ", "))
		}
		if err := filesOf(ctx, folder, targets[i], names); err != nil {
			return err
		}
	}
	f, err := renameio.TempFile("", out)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := errors.Join(f.Chmod(0o644), source.WriteBundle(f, os.DirFS(repo), slices.Sorted(maps.Keys(names)))); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(out))
}

// filesOf adds the names of a release's files.
func filesOf(ctx context.Context, from source.Source, release trust.Target, names map[string]bool) error {
	m, err := install.Manifest(ctx, from, release)
	if err != nil {
		return err
	}
	for _, n := range []string{release.Path(), m.Table.Name(manifest.TableSuffix), m.Packed.Name(manifest.PackSuffix)} {
		names[n] = true
	}
	return nil
}

// offered gives what a source offers to whom trusts a root and has seen nothing so far. Asked
// is told which files that took.
func offered(ctx context.Context, from source.Source, root []byte, asked func(name string)) ([]trust.Target, error) {
	res := tuf.Refresh(trust.Request{Root: root, Now: time.Now()}, func(name string, most int64) ([]byte, error) {
		b, err := from.Get(ctx, name, most)
		if err == nil {
			asked(name)
		}
		return b, err
	})
	if res.Refusal != nil {
		return nil, res.Refusal
	}
	return res.Targets, nil
}

func namesOf(targets []trust.Target) (all []string) {
	for _, t := range targets {
		all = append(all, t.Name)
	}
	return all
}

func newBundleInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect BUNDLE",
		Short: "List what a bundle says that it has; nothing of that is proved",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			from, err := source.Open(args[0], source.Options{})
			if err != nil {
				return err
			}
			defer from.Close()
			root, err := from.Get(c.Context(), "metadata/1.root.json", trust.MostRoot)
			if err != nil {
				return err
			}
			return eachRelease(c.Context(), from, root, func(t trust.Target, m *manifest.Manifest) error {
				fmt.Printf("%s\n%s\n", t.Name, summary(m))
				return nil
			})
		},
	}
}

func newBundleVerify() *cobra.Command {
	var root string
	c := &cobra.Command{
		Use:   "verify BUNDLE --root FILE",
		Short: "Read a bundle as a machine does that trusts a root, to its last byte",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			trusted, err := os.ReadFile(root)
			if err != nil {
				return fmt.Errorf("whom to trust: %w; give the repository's metadata/N.root.json", err)
			}
			from, err := source.Open(args[0], source.Options{})
			if err != nil {
				return err
			}
			defer from.Close()
			return eachRelease(c.Context(), from, trusted, func(t trust.Target, _ *manifest.Manifest) error {
				if err := verifyRelease(c.Context(), from, t); err != nil {
					return err
				}
				fmt.Printf("%s: all of it is signed and whole\n", t.Name)
				return nil
			})
		},
	}
	c.Flags().StringVar(&root, "root", "", "the root metadata that is trusted, in `FILE`")
	_ = c.MarkFlagRequired("root") // fails only without the flag
	return c
}

// eachRelease goes through the releases that a source offers and has.
func eachRelease(ctx context.Context, from source.Source, root []byte, do func(trust.Target, *manifest.Manifest) error) error {
	targets, err := offered(ctx, from, root, func(string) {})
	if err != nil {
		return err
	}
	for _, t := range targets {
		m, err := install.Manifest(ctx, from, t)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a bundle has a part of its repository
		}
		if err != nil {
			return err
		}
		if err := do(t, m); err != nil {
			return err
		}
	}
	return nil
}

// verifyRelease reads all of a release.
func verifyRelease(ctx context.Context, from source.Source, t trust.Target) error {
	dir, err := os.MkdirTemp("", "clarity-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	_, err = install.Verify(ctx, from, t, dir)
	return err
}

// summary is a release for people.
func summary(m *manifest.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s %s for %s, security %d, kernel %s, state %d to %d\n", m.Name, m.Version, m.Arch, m.Security, m.Kernel, m.State.From, m.State.To)
	fmt.Fprintf(&b, "  root %d KiB, %d files for the loader, %d KiB to fetch at most, %d components\n", m.Root.Size>>10, len(m.Boot), m.Packed.Size>>10, len(m.Components))
	if m.Notes != "" {
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(strings.TrimSpace(m.Notes), "\n", "\n  "))
	}
	return b.String()
}
