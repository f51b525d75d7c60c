package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"clarityos/init/setup"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/slots/gate"
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
			return c.withRecord(func(running slots.Running, rec *bootdisk.Record) error {
				s := slotsOf(running, rec.Now)
				return c.print(s, s.text)
			})
		},
	}
	cmd.AddCommand(c.markGood(), c.markBad(), c.switchSlot())
	return cmd
}

// withRecord has the record of slots for work.
func (c *ctl) withRecord(work func(slots.Running, *bootdisk.Record) error) error {
	running, err := gate.Running()
	if err != nil {
		return err
	}
	rec := bootdisk.OpenRecord(running.Record)
	defer rec.Close()
	if rec.Now == nil {
		return rec.Problem
	}
	return work(running, rec)
}

// changeRecord has the record become what next makes of it, and the loader boot what is the
// default then.
func (c *ctl) changeRecord(next func(slots.Running, *slots.Record) (*slots.Record, error)) error {
	return c.withRecord(func(running slots.Running, rec *bootdisk.Record) error {
		r, err := next(running, rec.Now)
		if err != nil {
			return err
		}
		if err := rec.Write(r); err != nil {
			return err
		}
		if l := loader.Find(); l != nil {
			if err := l.Commit(r.Default); err != nil {
				return err
			}
		}
		s := slotsOf(running, rec.Now)
		return c.print(s, s.text)
	})
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
	Running  slots.Running        `json:"running"`
	Default  string               `json:"default"`
	Failures uint8                `json:"failures,omitempty"` // in a row
	Reason   string               `json:"reason,omitempty"`   // of the latest fall-back
	Slots    map[string]slotShown `json:"slots"`
}

type slotShown struct {
	State    string `json:"state"`
	Version  string `json:"version,omitempty"`
	Root     string `json:"root,omitempty"` // the root hash
	Security uint32 `json:"security,omitempty"`
	Left     uint8  `json:"left,omitempty"` // tries
	Done     uint8  `json:"done,omitempty"`
	Why      string `json:"why,omitempty"` // it is bad
}

func slotsOf(running slots.Running, r *slots.Record) slotsShown {
	out := slotsShown{Running: running, Default: r.Default.String(), Failures: r.Failures, Reason: r.Reason, Slots: map[string]slotShown{}}
	for _, s := range []slots.Slot{slots.A, slots.B} {
		side := r.Side(s)
		shown := slotShown{State: side.State.String(), Version: side.Version, Security: side.Security, Left: side.Left, Done: side.Done, Why: side.Why}
		if side.Root != [32]byte{} {
			shown.Root = fmt.Sprintf("%x", side.Root)
		}
		out.Slots[s.String()] = shown
	}
	return out
}

func (s slotsShown) text() string {
	var b strings.Builder
	for _, name := range []string{"a", "b"} {
		slot := s.Slots[name]
		words := []string{slot.State}
		if name == s.Running.Slot {
			words = append(words, "runs")
		}
		if name == s.Default {
			words = append(words, "default")
		}
		if slot.Left > 0 {
			words = append(words, fmt.Sprintf("%d tries left", slot.Left))
		}
		if slot.Done > 0 {
			words = append(words, fmt.Sprintf("%d made", slot.Done))
		}
		fmt.Fprintf(&b, "slot %s: %s\n", name, strings.Join(words, ", "))
		for _, row := range [][2]string{{"version", slot.Version}, {"root", slot.Root}, {"why", slot.Why}} {
			if row[1] != "" {
				fmt.Fprintf(&b, "  %-8s %s\n", row[0], row[1])
			}
		}
	}
	fmt.Fprintf(&b, "this boot: %s; loader: %s\n", s.Running.Reason, s.Running.Loader)
	if s.Reason != "" {
		fmt.Fprintf(&b, "latest fall-back: %s\n", s.Reason)
	}
	if s.Failures > 0 {
		fmt.Fprintf(&b, "failures in a row: %d\n", s.Failures)
	}
	return b.String()
}

func (c *ctl) factoryReset() *cobra.Command {
	var etc bool
	cmd := &cobra.Command{
		Use:   "factory-reset",
		Short: "Have the next boot begin as if it were the first one",
		Long: `Have the next boot empty /var: data of services, logs, what was learned, and what was
changed in /etc are gone then. The slots stay as they are. With --etc only what was
changed in /etc is undone. Until that boot the order can be taken back by removing
/var/` + setup.ResetFile + `.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			what := "all"
			if etc {
				what = "etc"
			}
			if err := setup.AskReset(what); err != nil {
				return err
			}
			return c.print(map[string]string{"reset": what}, func() string { return "it is done at the next boot; `clarityctl reboot` starts that\n" })
		},
	}
	cmd.Flags().BoolVar(&etc, "etc", false, "only what was changed in /etc")
	return cmd
}
