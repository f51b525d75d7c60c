package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/supervisor"
	"clarityos/update/restart"
)

func (c *ctl) shutdown(kind supervisor.HaltKind, short string) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   string(kind),
		Short: short,
		Long: short + `.

It is refused while work goes on that is not to be interrupted, see ` + "`clarityctl inhibit`" + `,
unless --force is given.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !force {
				held, err := restart.Inhibitors(restart.InhibitDir)
				if err == nil {
					err = restart.Held(held)
				}
				if err != nil {
					return fmt.Errorf("%w; --force does not wait for it", err)
				}
			}
			if kind == supervisor.Reboot {
				e := restart.Entry{Asked: time.Now().UTC(), Who: person(), Why: "clarityctl reboot", Kind: restart.Full, Boot: restart.BootID()}
				if err := restart.Begin(restart.HistoryFile, e); err != nil {
					fmt.Fprintf(os.Stderr, "clarityctl: the restart will not be in the history: %v\n", err)
				}
			}
			return c.ask(cmd.Context(), "Shutdown", control.ShutdownArgs{Kind: kind}, nil)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "do not care about work that is not to be interrupted")
	return cmd
}

func (c *ctl) inhibit() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "inhibit [--why TEXT] COMMAND [ARGUMENT…]",
		Short: "Run a command during which the machine does not restart by itself",
		Long: `Run a command during which the machine does not restart by itself, and reboot, poweroff
and halt are refused. The exit status is the command's. Without a command, list what goes
on of that kind.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.listInhibitors()
			}
			if why == "" {
				why = strings.Join(args, " ")
			}
			release, err := restart.Inhibit(restart.InhibitDir, restart.Inhibitor{Who: person(), Why: why, PID: os.Getpid(), Since: time.Now()})
			if err != nil {
				return err
			}
			defer release()
			signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGQUIT) // the command has them too, and decides
			run := exec.Command(args[0], args[1:]...)
			run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
			err = run.Run()
			if ended := (*exec.ExitError)(nil); errors.As(err, &ended) && ended.ExitCode() > 0 {
				return exit(ended.ExitCode())
			}
			return err
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the command is the command's
	cmd.Flags().StringVar(&why, "why", "", "what others are told; the command by default")
	return cmd
}

func (c *ctl) listInhibitors() error {
	held, err := restart.Inhibitors(restart.InhibitDir)
	if err != nil {
		return err
	}
	return c.print(held, func() string {
		var b strings.Builder
		for _, i := range held {
			b.WriteString(i.String() + "\n")
		}
		return b.String()
	})
}

func (c *ctl) restarts() *cobra.Command {
	return &cobra.Command{
		Use:   "restarts",
		Short: "The restarts of this machine that were asked for, the latest first",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := restart.Read(restart.HistoryFile)
			if err != nil {
				return err
			}
			return c.print(all, func() string {
				var b strings.Builder
				for i := range all {
					b.WriteString(restartLine(all[len(all)-1-i]) + "\n")
				}
				return b.String()
			})
		},
	}
}

// restartLine is a restart in a line.
func restartLine(e restart.Entry) string {
	line := fmt.Sprintf("%s  %s, by %s: %s", e.Asked.Local().Format(time.DateTime), e.Kind, e.Who, e.Why)
	if e.Outcome == "" {
		return line + "; what came of it is not known"
	}
	return fmt.Sprintf("%s; %s after %v", line, e.Outcome, e.Took.Round(100*time.Millisecond))
}
