package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/control"
	"clarityos/services/supervisor"
	"clarityos/update/evolution"
	"clarityos/update/journal"
	"clarityos/update/order"
)

const (
	updater = "/usr/lib/clarity/clarity-update"
	// begins is how often the updater is started for one order.
	begins = 3
	// statusEvery is how often it is looked how far an update is.
	statusEvery = 200 * time.Millisecond
)

func (c *ctl) update() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Take another version of this machine's image",
		Long: `Take another version of this machine's image: from its repository, another one, a
folder or a bundle. It is written to the root slot that does not run, while this one
serves, and tried at the next boot. A version that is not good there is left for this one.`,
		Args: cobra.NoArgs,
	}
	cmd.AddCommand(c.updateCheck(), c.updateInstall(), c.updateStatus(), c.updateVersions(), c.updateHistory(), c.updateRollback(), c.updateCancel())
	return cmd
}

func (c *ctl) updateCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FROM]",
		Short: "See which newer versions there are",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.order(cmd.Context(), order.Order{Kind: order.Check, From: strings.Join(args, "")})
		},
	}
}

func (c *ctl) updateInstall() *cobra.Command {
	var o order.Order
	cmd := &cobra.Command{
		Use:   "install [FROM]",
		Short: "Write the newest version, or another one, to the slot that does not run",
		Long: `Write the newest version, or that of --version, to the slot that does not run, and have
the next boot try it. FROM is a URL, a folder or a bundle; without it, it is the image's own
repository. What this machine has already is not fetched.

The update goes on when this command is interrupted: ` + "`update status`" + ` says how far it is.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Kind, o.From = order.Install, strings.Join(args, "")
			return c.order(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Download, "download", false, "only write it; nothing tries it")
	cmd.Flags().StringVar(&o.Version, "version", "", "the version to take")
	cmd.Flags().BoolVar(&o.Older, "older", false, "take a version that is older than this one, or this one")
	cmd.Flags().BoolVar(&o.Again, "again", false, "take a version that was tried here and left")
	restarts(cmd, &o)
	return cmd
}

func (c *ctl) updateRollback() *cobra.Command {
	var o order.Order
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Have the next boot be of the other slot, if that was good",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Kind = order.Rollback
			return c.order(cmd.Context(), o)
		},
	}
	restarts(cmd, &o)
	return cmd
}

// restarts has an order restart the machine when a person says so.
func restarts(cmd *cobra.Command, o *order.Order) {
	now := false
	cmd.Flags().BoolVar(&now, "restart", false, "restart the machine into it")
	cmd.PreRun = func(*cobra.Command, []string) {
		if now {
			o.Restart = order.AtOnce
		}
	}
}

func (c *ctl) updateCancel() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel",
		Short: "End the update that is under way, or take back one that waits for a restart",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.job(cmd.Context(), 0, control.ChangeArgs{Verb: supervisor.VerbStop, Unit: order.Unit}, &Change{Unit: order.Unit}); err != nil {
				return err
			}
			out, err := exec.CommandContext(cmd.Context(), updater, "cancel").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%s", strings.TrimPrefix(strings.TrimSpace(string(out)), "clarity-update: "))
			}
			return c.printUpdate()
		},
	}
}

func (c *ctl) updateStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "How far the update is that is under way, or how the latest one has ended",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return c.printUpdate() },
	}
}

// printUpdate prints how far the latest order is.
func (c *ctl) printUpdate() error {
	told, err := order.ReadStatus(order.StatusFile)
	if err != nil {
		return err
	}
	o, err := order.Read(order.Dir)
	records, wrong := journal.Read(order.Journal(order.Dir))
	if err := errors.Join(err, wrong); err != nil && (told == nil || !errors.Is(err, fs.ErrPermission)) {
		return err
	}
	s := latest(told, o, records)
	type status struct {
		*order.Status
		Agent evolution.State `json:"agent"`
	}
	agent := evolution.ReadState(order.Dir)
	return c.print(status{s, agent}, func() string {
		text := statusText(*s) + "\n"
		if looked := agent.String(); looked != "" {
			text += looked + "\n"
		}
		return text
	})
}

// latest is how far the order is that there is or, without one, what was told last in this boot or
// else is in the journal.
func latest(told *order.Status, o *order.Order, records []journal.Record) *order.Status {
	all := journal.History(records)
	if o != nil && told != nil && told.Order.ID != o.ID {
		told = nil
	}
	switch {
	case told != nil:
		return told
	case o != nil && (len(all) == 0 || all[0].ID != o.ID):
		return &order.Status{Order: *o, Time: o.Time, Text: fmt.Sprintf("%s has ordered an update (%s); the updater has not begun with it", o.Who, o.Kind)}
	case len(all) > 0:
		u := all[0]
		return &order.Status{Done: u.Step.Ends(), Step: u.Step, Version: u.Version, Slot: u.Slot, Time: u.Latest, Text: updateLine(u)}
	}
	return &order.Status{Done: true, Text: "nobody has ordered an update"}
}

// statusText says how far an update is, in a line.
func statusText(s order.Status) string {
	if s.Done || s.Bytes == 0 || s.Step == journal.Installed || s.Step == journal.Trying {
		return s.Text
	}
	return fmt.Sprintf("%s: %d%% written to slot %s; %s of %s to be fetched, %s so far", s.Version, s.Written*100/s.Bytes, s.Slot,
		size(uint64(s.Lacking)), size(uint64(s.Whole)), size(uint64(s.Fetched)))
}

func (c *ctl) updateHistory() *cobra.Command {
	return &cobra.Command{
		Use:   "history",
		Short: "The updates of this machine, the latest first",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			records, err := journal.Read(order.Journal(order.Dir))
			if err != nil {
				return err
			}
			all := journal.History(records)
			return c.print(all, func() string {
				var b strings.Builder
				for _, u := range all {
					b.WriteString(updateLine(u) + "\n")
				}
				return b.String()
			})
		},
	}
}

// updateLine is an update in a line.
func updateLine(u journal.Update) string {
	line := fmt.Sprintf("%s  %-9s %s", u.Began.Local().Format("2006-01-02 15:04:05"), u.Step, u.Version)
	if u.Before != "" {
		line += " after " + u.Before
	}
	if u.Whole > 0 {
		line += fmt.Sprintf(", %s of %s fetched", size(uint64(u.Fetched)), size(uint64(u.Whole)))
	}
	if u.From != "" {
		line += ", from " + u.From
	}
	if u.Who != "" {
		line += ", by " + u.Who
	}
	if u.Why != "" {
		line += ": " + u.Why
	}
	return line
}

// order has the updater carry an order out, and says how far it is until it has ended or waits
// for a restart.
func (c *ctl) order(ctx context.Context, o order.Order) error {
	if _, err := os.Stat(updater); err != nil {
		return errors.New("this image takes no updates; its definition has to have a table [update]")
	}
	o.Who, o.Time = person(), time.Now().UTC()
	if err := order.Put(order.Dir, &o); err != nil {
		return err
	}
	if err := c.startUpdater(ctx); err != nil {
		return fmt.Errorf("%w; the order stays, and is carried out when the unit starts", err)
	}
	s, err := c.follow(ctx, o.ID)
	if err != nil {
		return err
	}
	if s.Error != "" {
		return errors.New(s.Error)
	}
	return c.print(s, func() string { return s.Text + "\n" })
}

func (c *ctl) startUpdater(ctx context.Context) error {
	return c.job(ctx, 0, control.ChangeArgs{Verb: supervisor.VerbStart, Unit: order.Unit}, &Change{Unit: order.Unit})
}

// follow waits until nothing more comes of an order in this boot.
func (c *ctl) follow(ctx context.Context, id string) (order.Status, error) {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	last := ""
	for begun := 1; ; {
		var unit control.StatusReply // asked before the status: what ends has said so by then
		alive := c.ask(ctx, "Status", control.UnitArgs{Unit: order.Unit}, &unit)
		s, err := order.ReadStatus(order.StatusFile)
		if err != nil {
			return order.Status{}, err
		}
		if s != nil && s.Order.ID == id {
			if line := statusText(*s); line != last && !s.Done && !c.json {
				fmt.Fprintln(os.Stderr, line)
				last = line
			}
			if s.Done {
				return *s, nil
			}
		}
		if alive == nil && len(unit.Units) == 1 && (unit.Units[0].Active == "inactive" || unit.Units[0].Active == "failed") {
			if begun < begins { // it may have been about to end when the order came
				begun++
				if err := c.startUpdater(ctx); err != nil {
					return order.Status{}, err
				}
				continue
			}
			return order.Status{}, fmt.Errorf("%s has ended before the update has; `clarityctl logs -u %s` tells why, and `clarityctl start %s` goes on", order.Unit, order.Unit, order.Unit)
		}
		select {
		case <-ctx.Done():
			return order.Status{}, fmt.Errorf("interrupted; the update goes on, and `clarityctl update status` says how far it is")
		case <-tick.C:
		}
	}
}

// person is who asks.
func person() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
