package qemu

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"clarityos/qemu/agent"
)

// askEvery is how often something is looked at that tells nobody of changes.
const askEvery = 100 * time.Millisecond

// tailLines is how much of the console an error shows.
const tailLines = 40

// Condition is something that can be waited for.
type Condition interface {
	// String says what it is, as in "the console to say /ready/".
	String() string
	// Wait returns nil once it holds. If ctx ends first, the error says
	// what was seen instead.
	Wait(ctx context.Context) error
}

// WaitError says that a condition did not come about.
type WaitError struct {
	What  string
	After time.Duration // how long was waited
	Cause error         // what was seen instead
	Tail  string        // the end of the console
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("waited %v for %s: %v\n--- console ---\n%s\n---", e.After.Round(time.Millisecond), e.What, e.Cause, e.Tail)
}

func (e *WaitError) Unwrap() error { return e.Cause }

// ErrOff is the cause when the machine went off while something else was
// waited for.
var ErrOff = errors.New("the machine went off")

// Await waits until the condition holds, the limit is over or the power goes
// off. The error is a *WaitError.
func (m *Machine) Await(ctx context.Context, limit time.Duration, c Condition) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return m.await(ctx, c)
}

func (m *Machine) await(ctx context.Context, c Condition) error {
	start := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if _, end := c.(poweredOff); !end {
		off := m.Off()
		over := make(chan struct{})
		defer close(over)
		go func() {
			select {
			case <-off:
				cancel(ErrOff)
			case <-over:
			}
		}()
	}
	err := c.Wait(ctx)
	if err == nil {
		return nil
	}
	if errors.Is(err, agent.ErrClosed) {
		// QEMU closes the channel when it ends, a moment before it has ended.
		select {
		case <-m.Off():
			cancel(ErrOff)
		case <-ctx.Done():
		}
	}
	if context.Cause(ctx) == ErrOff {
		err = fmt.Errorf("%w: %w", ErrOff, err)
		if how := m.Ending(); how != nil {
			err = fmt.Errorf("%w: %w", err, how)
		}
	}
	return &WaitError{What: c.String(), After: time.Since(start), Cause: err, Tail: m.console.Tail(tailLines)}
}

// ConsoleLine holds once a line of the current boot, finished or not, matches
// the regular expression, which must be valid.
func (m *Machine) ConsoleLine(expr string) Condition {
	return consoleLine{m.console, regexp.MustCompile(expr), false}
}

// WholeConsoleLine is ConsoleLine for lines that are finished.
func (m *Machine) WholeConsoleLine(expr string) Condition {
	return consoleLine{m.console, regexp.MustCompile(expr), true}
}

type consoleLine struct {
	console *Console
	expr    *regexp.Regexp
	whole   bool
}

func (c consoleLine) String() string { return fmt.Sprintf("the console to say /%s/", c.expr) }

func (c consoleLine) Wait(ctx context.Context) error {
	last, found := c.console.find(ctx, c.expr, c.whole)
	if found {
		return nil
	}
	return fmt.Errorf("its last line is %q: %w", last, ctx.Err())
}

// AgentReady holds once the guest runs commands.
func (m *Machine) AgentReady() Condition { return agentReady{m} }

type agentReady struct{ m *Machine }

func (agentReady) String() string { return "the guest's agent to answer" }

func (c agentReady) Wait(ctx context.Context) error {
	_, err := c.m.client().Ready(ctx)
	return err
}

// BootID returns the guest's name for its boot once the agent answers.
func (m *Machine) BootID(ctx context.Context) (string, error) { return m.client().Ready(ctx) }

// NextBoot holds once the agent of another boot than the one with this id
// answers.
func (m *Machine) NextBoot(bootID string) Condition { return nextBoot{m, bootID} }

type nextBoot struct {
	m      *Machine
	before string
}

func (nextBoot) String() string { return "the guest's agent to answer after a reboot" }

func (c nextBoot) Wait(ctx context.Context) error {
	return repeat(ctx, func() error {
		id, err := c.m.client().Ready(ctx)
		if err == nil && id == c.before {
			return errors.New("it is still the same boot")
		}
		return err
	})
}

// PoweredOff holds once the guest has powered off.
func (m *Machine) PoweredOff() Condition { return poweredOff{m} }

type poweredOff struct{ m *Machine }

func (poweredOff) String() string { return "the guest to power off" }

func (c poweredOff) Wait(ctx context.Context) error {
	select {
	case <-c.m.Off():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("it is still on: %w", ctx.Err())
	}
}

// Succeeds holds once the shell script exits with 0 in the guest; it is run
// again until then.
func (m *Machine) Succeeds(script string) Condition { return succeeds{m, script} }

type succeeds struct {
	m      *Machine
	script string
}

func (c succeeds) String() string { return fmt.Sprintf("`%s` to succeed in the guest", c.script) }

func (c succeeds) Wait(ctx context.Context) error {
	return repeat(ctx, func() error {
		res, err := c.m.Shell(ctx, c.script)
		if err == nil && !res.OK() {
			err = errors.New(res.String())
		}
		return err
	})
}

// Check looks at a text; its error says what is wrong with it.
type Check func(text string) error

// Has wants each of these in a text.
func Has(parts ...string) Check {
	return func(text string) error {
		for _, p := range parts {
			if !strings.Contains(text, p) {
				return fmt.Errorf("no %q in %.3000q", p, text)
			}
		}
		return nil
	}
}

// HasNot wants none of these in a text.
func HasNot(parts ...string) Check {
	return func(text string) error {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return fmt.Errorf("%q in %.3000q", p, text)
			}
		}
		return nil
	}
}

// Prints holds once what a shell script prints in the guest, on both streams,
// passes a check; it is run again until then, however it ends.
func (m *Machine) Prints(script string, check Check) Condition {
	return Eventually(fmt.Sprintf("the right answer to `%s`", script), func(ctx context.Context) error {
		res, err := m.Shell(ctx, script)
		if err != nil {
			return err
		}
		return check(string(res.Stdout) + string(res.Stderr))
	})
}

// Eventually holds once try returns nil; it is called again until then. what
// says in words what is waited for.
func Eventually(what string, try func(context.Context) error) Condition { return eventually{what, try} }

type eventually struct {
	what string
	try  func(context.Context) error
}

func (c eventually) String() string { return c.what }

func (c eventually) Wait(ctx context.Context) error {
	return repeat(ctx, func() error { return c.try(ctx) })
}

// repeat tries until there is no error or ctx ends, and returns the error that
// told most: the last one from before the end.
func repeat(ctx context.Context, try func() error) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	var last error
	for {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}
