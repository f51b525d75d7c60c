// Command clarity-update is the updater. It begins when there is an order, and ends when it
// can do nothing more in this boot. What comes from elsewhere is read by a process of its own,
// which can do nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"clarityos/services/bus"
	busclient "clarityos/services/bus/client"
	"clarityos/update/install"
	"clarityos/update/installed"
	"clarityos/update/journal"
	"clarityos/update/medium"
	"clarityos/update/order"
	"clarityos/update/source"
	"clarityos/update/state"
	"clarityos/update/trust"
	"clarityos/update/trust/tuf"
)

func main() {
	debug.SetGCPercent(30)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	if role != "backup" && len(os.Args) > 2 {
		role = ""
	}
	var err error
	switch role {
	case "trust":
		err = tuf.Main(os.Stdin, os.Stdout)
	case "run":
		err = with(ctx, func(u *install.Updater) error { return u.Run(ctx) })
	case "cancel":
		err = with(ctx, (*install.Updater).Cancel)
	case "state":
		err = state.RunHere(ctx, func(line string) { fmt.Println(line) })
	case "backup":
		err = backups(ctx, os.Args[2:])
	default:
		fmt.Fprintln(os.Stderr, "usage: clarity-update run|cancel|state|backup; `clarityctl update` and `clarityctl backup` order what it does")
		os.Exit(64)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "clarity-update: %v\n", err)
		os.Exit(1)
	}
}

// with has the updater of this machine.
func with(ctx context.Context, do func(*install.Updater) error) error {
	machine, err := install.ThisMachine()
	if err != nil {
		return err
	}
	publisher := busclient.NewPublisher(bus.Path, func(error) {})  // who listens can read the status
	running, end := context.WithCancel(context.WithoutCancel(ctx)) // how it ends is to be told too
	defer end()
	go publisher.Run(running)
	err = do(&install.Updater{
		Dir: order.Dir, Status: order.StatusFile, Machine: machine,
		Open: func(where string) (source.Source, error) {
			o := source.Options{Proxy: machine.Proxy, Roots: machine.Certificates, BytesPerSecond: machine.Bandwidth}
			if where == medium.Name {
				return medium.Open(machine.Disk, o)
			}
			return source.Open(where, o)
		},
		Refresh: func(ctx context.Context, from source.Source) (trust.Result, error) {
			return refresh(ctx, machine.Image, from)
		},
		Say: func(line string) { fmt.Println(line) },
		Publish: func(s order.Status) {
			if m := message(s); m != nil {
				publisher.Publish(m)
			}
		},
		Now: time.Now,
	})
	drain, cancel := context.WithTimeout(running, drainLimit)
	defer cancel()
	if err := publisher.Drain(drain); err != nil {
		fmt.Println(err) // the journal has it
	}
	return err
}

// drainLimit is how long the bus may take for the last messages.
const drainLimit = 5 * time.Second

// states are the steps of an update as the bus has them.
var states = map[journal.Step]string{
	journal.Downloaded: "prepared", journal.Installed: "prepared", journal.Trying: "committed", journal.Good: "verified", journal.Failed: "failed", journal.Left: "reverted",
}

// message is a status on the bus; nil: it is of no concern there.
func message(s order.Status) bus.Body {
	const component = "system"
	state := states[s.Step]
	if s.Order.Kind == order.Check && len(s.Others) > 0 {
		state = "available"
	}
	switch {
	case state != "":
		return &bus.UpdateState{Component: component, State: state, Version: s.Version, Cause: s.Error}
	case s.Bytes > 0:
		return &bus.UpdateProgress{Component: component, Version: s.Version, Bytes: int(s.Bytes), Written: int(s.Written), Lacking: int(s.Lacking), Fetched: int(s.Fetched)}
	}
	return nil
}

// refreshLimit is how long it may take to get metadata.
const refreshLimit = 10 * time.Minute

// refresh gives what a source offers, and keeps what is trusted from then on.
func refresh(ctx context.Context, image installed.Image, from source.Source) (trust.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshLimit)
	defer cancel()
	root, err := os.ReadFile(installed.RootPath)
	if err != nil {
		return trust.Result{}, fmt.Errorf("whom this machine trusts: %w", err)
	}
	store := trust.Store{Dir: order.Dir + "/metadata"}
	stored, err := store.Load()
	if err != nil {
		fmt.Println(err) // what is left of it protects
	}
	now := trust.Time(time.Now(), time.Unix(image.Built, 0)) // what is stored says more of it
	res, err := trust.Refresh(ctx, []string{"/proc/self/exe", "trust"}, trust.Request{Root: root, Stored: stored, Now: now}, from)
	for _, n := range res.Notices {
		fmt.Println(n)
	}
	if res.Metadata != nil {
		err = errors.Join(err, store.Save(res.Metadata))
	}
	return res, err
}
