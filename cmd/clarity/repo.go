package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clarityos/update/repo"
	"clarityos/update/repo/keys"
)

func newRepo() *cobra.Command {
	c := &cobra.Command{Use: "repo", Short: "Repositories of updates, which any web server serves"}
	c.AddCommand(newRepoInit(), newRepoAdd(), newRepoRemove(), newRepoRefresh(), newRepoRotate(), newRepoSign(), newRepoCheck())
	return c
}

func newRepoInit() *cobra.Command {
	var ring keyring
	var threshold int
	c := &cobra.Command{
		Use:   "init REPO",
		Short: "Make a repository, with nothing in it",
		Long: `Make a repository, with nothing in it, in the folder REPO. The keys of each role are
those whose names begin with it: root-1, root-2, targets-1 and so on. Where a private
half is elsewhere its .pub will do; the first root then waits for the signatures that it
lacks, which ` + "`clarity repo sign`" + ` adds. Machines are given REPO/metadata/1.root.json.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := ring.open()
			if err != nil {
				return err
			}
			p, err := repo.Init(args[0], rolesByName(k.Keys(), threshold), k, time.Now())
			return outcome(c.OutOrStdout(), p, err)
		},
	}
	c.Flags().IntVar(&threshold, "threshold", 2, "how many of the root keys have to sign")
	ring.flags(c)
	return c
}

// keyOf is the name of a key that is drawn for a role.
var keyOf = regexp.MustCompile(`^(root|targets|snapshot|timestamp)-[0-9]+$`)

// rolesByName are the roles of a new repository.
func rolesByName(all []keys.Key, threshold int) map[string]repo.Role {
	roles := map[string]repo.Role{
		"root": {Threshold: threshold}, "targets": {Threshold: 1}, "snapshot": {Threshold: 1}, "timestamp": {Threshold: 1},
	}
	for _, k := range all {
		if m := keyOf.FindStringSubmatch(k.Name); m != nil {
			role := roles[m[1]]
			role.Keys = append(role.Keys, k.Public)
			roles[m[1]] = role
		}
	}
	return roles
}

// outcome says whether a root is published.
func outcome(w io.Writer, p repo.Pending, err error) error {
	switch {
	case err != nil:
		return err
	case p.Version == 0:
		fmt.Fprintln(w, "published")
	default:
		fmt.Fprintf(w, "root %d is not published: it lacks %s; `clarity repo sign` adds them\n", p.Version, strings.Join(p.Lacks, " and "))
	}
	return nil
}

func newRepoRefresh() *cobra.Command {
	var ring keyring
	c := &cobra.Command{
		Use:   "refresh REPO",
		Short: "Sign a repository anew, before machines take it for one that withholds updates",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := openRepo(args[0], &ring)
			if err != nil {
				return err
			}
			return r.Refresh(time.Now())
		},
	}
	ring.flags(c)
	return c
}

func openRepo(dir string, ring *keyring) (*repo.Repo, error) {
	k, err := ring.open()
	if err != nil {
		return nil, err
	}
	return repo.Open(dir, k)
}

func newRepoRotate() *cobra.Command {
	var ring keyring
	var add, remove []string
	var threshold int
	c := &cobra.Command{
		Use:   "rotate REPO ROLE",
		Short: "Replace or revoke keys of a role, or renew the root",
		Long: `Replace or revoke keys of ROLE, which is root, targets, snapshot or timestamp: the next
root is made, and signed by as many root keys as the old one and the new one want. Where
they are not all at hand, the root waits for the signatures that it lacks. With neither
--add nor --remove the root itself is renewed.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			k, err := ring.open()
			if err != nil {
				return err
			}
			r, err := repo.Open(args[0], k)
			if err != nil {
				return err
			}
			change := repo.Change{Role: args[1], Threshold: threshold}
			for _, name := range add {
				key, err := k.Named(name)
				if err != nil {
					return err
				}
				change.Add = append(change.Add, key)
			}
			for _, name := range remove {
				key, err := k.Named(name)
				if err != nil {
					return err
				}
				change.Remove = append(change.Remove, key)
			}
			p, err := r.Rotate(change, time.Now())
			return outcome(c.OutOrStdout(), p, err)
		},
	}
	c.Flags().StringArrayVar(&add, "add", nil, "give the key of this `NAME` to the role")
	c.Flags().StringArrayVar(&remove, "remove", nil, "take the key of this `NAME` from the role")
	c.Flags().IntVar(&threshold, "threshold", 0, "how many of the role's keys have to sign; 0 keeps it")
	ring.flags(c)
	return c
}

func newRepoSign() *cobra.Command {
	var ring keyring
	c := &cobra.Command{
		Use:   "sign REPO",
		Short: "Add signatures to the root that waits for them",
		Long: `Show how the root that waits for signatures differs from the one before it, add
signatures by the root keys at hand, and publish it if it has all of them then.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := openRepo(args[0], &ring)
			if err != nil {
				return err
			}
			lines, err := r.Waiting()
			if err != nil {
				return err
			}
			for _, line := range lines {
				fmt.Fprintln(c.OutOrStdout(), line)
			}
			p, err := r.Sign(time.Now())
			return outcome(c.OutOrStdout(), p, err)
		},
	}
	ring.flags(c)
	return c
}

func newRepoCheck() *cobra.Command {
	var root string
	c := &cobra.Command{
		Use:   "check REPO",
		Short: "Read a repository as a machine does, and each file that it offers",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var trusted []byte
			if root != "" {
				var err error
				if trusted, err = os.ReadFile(root); err != nil {
					return fmt.Errorf("read the trusted root: %w", err)
				}
			}
			now := time.Now()
			report, err := repo.Check(c.Context(), args[0], trusted, now)
			if err != nil {
				return err
			}
			return showCheck(c.OutOrStdout(), report, now)
		},
	}
	c.Flags().StringVar(&root, "root", "", "the root that machines have, in `FILE`; else the repository's first is trusted")
	return c
}

// showCheck prints a report. The error is that machines would not get all that is offered.
func showCheck(out io.Writer, report repo.Report, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		is := report.Roles[role]
		fmt.Fprintf(w, "%s\tversion %d\texpires in %d days, %s\n", role, is.Version, int(is.Expires.Sub(now).Hours()/24), is.Expires.Format(time.RFC3339))
	}
	for _, t := range report.Targets {
		fmt.Fprintf(w, "%s\t%d bytes\t%s\n", t.Name, t.Length, t.SHA256)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(report.Soon) > 0 {
		fmt.Fprintf(out, "less than half of their time left: %s\n", strings.Join(report.Soon, ", "))
	}
	for _, p := range report.Problems {
		fmt.Fprintln(out, p)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("machines would not get %d of %d targets", n, len(report.Targets))
	}
	return nil
}
