package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/update/backup/index"
)

func (c *ctl) backup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "What was kept of /var before a version that migrates it",
		Long: `What was kept of /var before a version that migrates it: the paths that its definition
names. When that version is left for the one before it, they are put back by themselves.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(c.backupList(), c.backupVerify(), c.backupRestore())
	return cmd
}

// backups has the updater do something with backups: package update/backup is no part of this
// program.
func backups(ctx context.Context, args ...string) ([]byte, error) {
	if _, err := os.Stat(updater); err != nil {
		return nil, errors.New("this image takes no updates and has no backups; its definition has to have a table [update]")
	}
	out, err := exec.CommandContext(ctx, updater, append([]string{"backup"}, args...)...).Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) && len(ended.Stderr) > 0 {
		err = errors.New(strings.TrimPrefix(strings.TrimSpace(string(ended.Stderr)), "clarity-update: "))
	}
	return out, err
}

func (c *ctl) backupList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The backups, the oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, err := backups(cmd.Context(), "list")
			if err != nil {
				return err
			}
			all := []index.Info{}
			if err := json.Unmarshal(out, &all); err != nil {
				return fmt.Errorf("read the list of backups: %w", err)
			}
			return c.print(all, func() string { return backupLines(all) })
		},
	}
}

// backupLines are backups in a line each.
func backupLines(all []index.Info) string {
	var b strings.Builder
	for _, i := range all {
		if i.Problem != "" {
			fmt.Fprintf(&b, "%s  of no use: %s\n", i.ID, i.Problem)
			continue
		}
		fmt.Fprintf(&b, "%s  %s  schema %d, before ", i.ID, i.Time.Local().Format("2006-01-02 15:04:05"), i.Schema)
		if i.Cause == index.Restore {
			b.WriteString("a backup was restored over ")
		}
		fmt.Fprintf(&b, "%s, %d entries with %s", i.Version, i.Entries, size(uint64(i.Bytes)))
		if i.Verified {
			b.WriteString(", verified")
		}
		for _, p := range i.Paths {
			b.WriteString(" " + string(p))
		}
		b.WriteString("\n")
	}
	if len(all) == 0 {
		return "there are no backups\n"
	}
	return b.String()
}

func (c *ctl) backupVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify ID",
		Short: "Read all of a backup, and see whether it is right",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := backups(cmd.Context(), "verify", args[0]); err != nil {
				return err
			}
			return c.print(map[string]string{"verified": args[0]}, func() string { return "all of backup " + args[0] + " is right\n" })
		},
	}
}

func (c *ctl) backupRestore() *cobra.Command {
	return &cobra.Command{
		Use:   "restore ID",
		Short: "Have the next boot put a backup in the place of what there is",
		Long: `Have the next boot put a backup in the place of what lies at its paths, before services
begin. What lies there then is kept as a further backup. Until that boot the order can be
taken back by removing /var/lib/clarity/restore.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := backups(cmd.Context(), "restore", args[0]); err != nil {
				return err
			}
			return c.print(map[string]string{"restore": args[0]}, func() string {
				return "it is done at the next boot; `clarityctl reboot` starts that\n"
			})
		},
	}
}
