package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"clarityos/update/repo"
	"clarityos/update/repo/keys"
)

func newKeys() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Keys by which updates are signed"}
	c.AddCommand(newKeysNew(keys.New), newKeysList())
	return c
}

// newKeysNew has draw, which takes a second for each key, write the keys.
func newKeysNew(draw func(dir string, names []string, passphrase string) error) *cobra.Command {
	var roots int
	var word passphrase
	c := &cobra.Command{
		Use:   "new DIR",
		Short: "Draw the keys of a repository of updates",
		Long: `Draw the keys of a repository of updates, and write them to DIR: root-1 and so on,
by which a repository says whose updates machines take, and targets-1, snapshot-1 and
timestamp-1, by which it offers them. Each is two files, NAME.key, which is encrypted
by a passphrase (age), and NAME.pub.

Move the root keys to folders of their own, on media that lie in different places: it
takes two of them to replace any other key, and there is no way without. The keys of
snapshot and timestamp belong where ` + "`clarity repo refresh`" + ` is run every few days.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if roots < 1 {
				return fmt.Errorf("--roots %d: there is at least one", roots)
			}
			var names []string
			for i := range roots {
				names = append(names, fmt.Sprintf("root-%d", i+1))
			}
			names = append(names, "targets-1", "snapshot-1", "timestamp-1")
			text, err := word.ask(true)
			if err != nil {
				return err
			}
			if err := draw(args[0], names, text); err != nil {
				return err
			}
			for _, name := range names {
				fmt.Fprintln(c.OutOrStdout(), name)
			}
			return nil
		},
	}
	c.Flags().IntVar(&roots, "roots", 3, "how many root keys")
	word.flag(c)
	return c
}

func newKeysList() *cobra.Command {
	return &cobra.Command{
		Use:   "list DIR...",
		Short: "List keys, and by what metadata names them",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ring, err := keys.Open(args, nil)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
			for _, k := range ring.Keys() {
				id, err := repo.KeyID(k.Public)
				if err != nil {
					return err
				}
				half := "private and public"
				if k.Private == "" {
					half = "public"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, half, id)
			}
			return w.Flush()
		},
	}
}
