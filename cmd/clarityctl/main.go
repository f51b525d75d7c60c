// Command clarityctl is what a person types on a ClarityOS machine: states, jobs,
// logs, reasons. It talks to PID 1 over its varlink socket.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/bus"
	"clarityos/services/control"
	"clarityos/services/control/client"
	"clarityos/services/supervisor"
)

// The exit codes. 0 is all well.
const (
	exitFailed   = 1 // the request failed
	exitUsage    = 2
	exitDegraded = 3 // a unit that should be up is not
	exitTimeout  = 4 // the boot was not complete in time
	exitNoUnit   = 5
)

// exit is an outcome that has been told already.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// answerMost bounds calls that PID 1 answers at once.
const answerMost = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx))
}

func run(ctx context.Context) int {
	err := newRoot().ExecuteContext(ctx)
	var code exit
	var e *client.Error
	var wrong usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "clarityctl:", err)
	switch {
	case errors.As(err, &e) && e.Name == control.ErrNoSuchUnit:
		return exitNoUnit
	case errors.As(err, &wrong) || cobraUsage.MatchString(err.Error()):
		return exitUsage
	}
	return exitFailed
}

// usageError says that the command line makes no sense.
type usageError struct{ error }

// cobraUsage matches cobra's own errors about the command line that are of no
// type.
var cobraUsage = regexp.MustCompile(`^unknown command |arg\(s\)|^if any flags in the group `)

func (e usageError) Unwrap() error { return e.error }

// newRoot makes the whole command line.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "clarityctl",
		Short: "States, jobs and logs of this machine",
		Long: `States, jobs and logs of this machine, as its PID 1 knows them. A unit without a
suffix is a service.

The exit status is 0 when all is well, 1 when the request failed, 2 when the
command line makes no sense, 3 when a unit that should be up is not, 4 when the time
ran out and 5 when there is no such unit.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	c := &ctl{}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON for programs")
	root.PersistentFlags().BoolVar(&c.noPager, "no-pager", false, "never show long output through a pager")
	root.PersistentFlags().StringVar(&c.socket, "socket", control.Path, "PID 1's socket")
	root.PersistentFlags().StringVar(&c.busSocket, "bus-socket", bus.Path, "the message bus's socket")
	logs := c.logs()
	_ = logs.RegisterFlagCompletionFunc("unit", c.units) // fails only without the flag
	root.AddCommand(
		c.status(), c.list(), c.show(), c.cat(), c.listDependencies(), c.why(), logs, c.events(), c.bus(), c.learn(), c.graph(), c.impact(), c.profile(), c.predictions(), c.services(), c.lookup(), c.top(),
		c.slots(), c.update(), c.restarts(), c.inhibit(), c.backup(), c.factoryReset(), c.wait(), c.blame(), c.criticalChain(), c.analyze(),
		c.kill(), c.setProperty(), c.verify(), c.reloadPlan(), c.rescueReport(),
	)
	for _, verb := range []struct {
		verb  supervisor.Verb
		short string
	}{
		{supervisor.VerbStart, "Start units and what they need"},
		{supervisor.VerbStop, "Stop units and what requires them"},
		{supervisor.VerbRestart, "Stop units and start them again"},
		{supervisor.VerbReload, "Have services read their configuration again"},
		{supervisor.VerbIsolate, "Start a unit and stop all that it does not pull in"},
		{supervisor.VerbReset, "Forget failures and start limits"},
	} {
		root.AddCommand(c.change(verb.verb, verb.short))
	}
	for kind, short := range map[supervisor.HaltKind]string{
		supervisor.PowerOff: "Stop everything and turn the machine off",
		supervisor.Reboot:   "Stop everything and start the machine again",
		supervisor.JustHalt: "Stop everything and halt the machine",
	} {
		root.AddCommand(c.shutdown(kind, short))
	}
	return root
}

// ctl is what all commands share.
type ctl struct {
	json      bool
	noPager   bool
	socket    string
	busSocket string
}

// call makes one call on a connection of its own.
func (c *ctl) call(ctx context.Context, method string, args, reply any) error {
	conn, err := client.Dial(ctx, c.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Call(ctx, method, args, reply)
}

// ask is call with the bound of what PID 1 answers at once.
func (c *ctl) ask(ctx context.Context, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	return c.call(ctx, method, args, reply)
}

// unitName completes a name without a kind to a service's.
func unitName(arg string) string {
	if !strings.Contains(arg, ".") {
		return arg + ".service"
	}
	return arg
}
