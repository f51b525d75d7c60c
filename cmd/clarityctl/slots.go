package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/init/setup"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// tries is how many boots a slot has to be marked good after `slots switch`.
const tries = 3

func (c *ctl) slots() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slots",
		Short: "The root slots of this machine's disk",
		Long: `The root slots of this machine's disk: what is in them, which one runs and why, and
what came of those that were tried. Each boot runs from one of two. A slot is good once
the units that the image names have been up and healthy for long enough; a new one that
is not is left for the other one.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			running, err := slots.ReadRunning()
			if err != nil {
				return err
			}
			return bootdisk.With(running.Record, func(rec *bootdisk.Record) error { return c.printSlots(running, rec.Now) })
		},
	}
	cmd.AddCommand(c.markGood(), c.markBad(), c.switchSlot())
	return cmd
}

// changeRecord has the record become what next makes of it, and the loader boot what is the
// default then.
func (c *ctl) changeRecord(next func(slots.Running, *slots.Record) (*slots.Record, error)) error {
	running, err := slots.ReadRunning()
	if err != nil {
		return err
	}
	return bootdisk.With(running.Record, func(rec *bootdisk.Record) error {
		r, err := next(running, rec.Now)
		if err != nil {
			return err
		}
		if err := rec.Write(r); err != nil {
			return err
		}
		if l := loader.Find(running.ESP, running.Record); l != nil {
			if err := l.Commit(r.Default); err != nil {
				return err
			}
		}
		return c.printSlots(running, r)
	})
}

func (c *ctl) printSlots(running slots.Running, r *slots.Record) error {
	s := slotsShown{running, r.Show()}
	return c.print(s, s.text)
}

func (c *ctl) markGood() *cobra.Command {
	return &cobra.Command{
		Use:   "mark-good",
		Short: "Have the slot that runs be booted from now on",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.changeRecord(func(running slots.Running, r *slots.Record) (*slots.Record, error) {
				return r.MarkGood(slots.Named(running.Slot)), nil
			})
		},
	}
}

func (c *ctl) markBad() *cobra.Command {
	return &cobra.Command{
		Use:       "mark-bad a|b",
		Short:     "Have a slot not be booted any more; the other one has to be good",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"a", "b"},
		RunE: func(_ *cobra.Command, args []string) error {
			s := slots.Named(args[0])
			if s == slots.None {
				return usageError{fmt.Errorf("mark-bad: a slot is a or b, not %q", args[0])}
			}
			return c.changeRecord(func(_ slots.Running, r *slots.Record) (*slots.Record, error) {
				return r.MarkBad(s, "a person has marked it bad")
			})
		},
	}
}

func (c *ctl) switchSlot() *cobra.Command {
	return &cobra.Command{
		Use:   "switch",
		Short: "Try the slot that does not run, from the next boot on",
		Long: fmt.Sprintf(`Try the slot that does not run, from the next boot on. It has %d boots to be good;
after these, or once it has failed, this one is booted again.`, tries),
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.changeRecord(func(running slots.Running, r *slots.Record) (*slots.Record, error) {
				return r.Try(slots.Named(running.Slot).Other(), tries)
			})
		},
	}
}

// slotsShown is what `slots` prints.
type slotsShown struct {
	Running slots.Running `json:"running"`
	slots.Shown
}

func (s slotsShown) text() string {
	lines := append(s.Lines(s.Running.Slot), fmt.Sprintf("this boot: %s; loader: %s", s.Running.Reason, s.Running.Loader))
	return strings.Join(lines, "\n") + "\n"
}

func (c *ctl) factoryReset() *cobra.Command {
	var etc, recreate bool
	cmd := &cobra.Command{
		Use:   "factory-reset",
		Short: "Have the next boot begin as if it were the first one",
		Long: `Have the next boot empty /var: data of services, logs, what was learned, and what was
changed in /etc are gone then. The slots stay as they are. With --etc only what was
changed in /etc is undone. Until that boot the order can be taken back by removing
/var/` + setup.ResetFile + `.

With --recreate the next boot makes a new file system for a /var that could not be mounted,
and its partition if that is missing. This cannot be taken back.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			what, ask := "all", setup.AskReset
			switch {
			case etc:
				what = "etc"
			case recreate:
				what, ask = "recreate", func(string) error { return setup.Recreate() }
			}
			if err := ask(what); err != nil {
				return err
			}
			return c.print(map[string]string{"reset": what}, func() string { return "it is done at the next boot; `clarityctl reboot` starts that\n" })
		},
	}
	cmd.Flags().BoolVar(&etc, "etc", false, "only what was changed in /etc")
	cmd.Flags().BoolVar(&recreate, "recreate", false, "make the file system of a /var anew that could not be mounted")
	cmd.MarkFlagsMutuallyExclusive("etc", "recreate")
	return cmd
}
