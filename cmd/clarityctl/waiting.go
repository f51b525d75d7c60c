package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

// A wait says what it waits for after tellTerminal and then each tellEvery, in
// one line that is written over; where nobody watches after tellPlain, and again
// when that has changed.
const (
	tellTerminal = time.Second
	tellPlain    = 5 * time.Second
	tellEvery    = time.Second
)

// telling says on stderr what a unit's job ("": the boot) waits for, until stop
// is called. PID 1 is asked on connections of its own.
func (c *ctl) telling(ctx context.Context, unit string) (stop func()) {
	if c.json {
		return func() {}
	}
	t := &teller{unit: unit, out: os.Stderr}
	first := tellPlain
	if term.IsTerminal(int(os.Stderr.Fd())) {
		first = tellTerminal
		t.width, _ = dimensions(os.Stderr)
	}
	ctx, cancel := context.WithCancel(ctx)
	var over sync.WaitGroup
	over.Go(func() {
		defer t.clear()
		for wait := first; ; wait = tellEvery {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			var r control.WhyReply
			if c.ask(ctx, "Why", control.UnitArgs{Unit: unit}, &r) == nil {
				t.tell(r.Holding)
			}
		}
	})
	return func() {
		cancel()
		over.Wait()
	}
}

// teller writes what is waited for. Without a width each line stays.
type teller struct {
	unit  string
	width int
	out   interface{ WriteString(string) (int, error) }
	said  string // plain: what was said last; terminal: what stands there
}

func (t *teller) tell(holding []supervisor.Hold) {
	if len(holding) == 0 {
		return
	}
	if t.width > 0 {
		t.said = cut(waitLine(holding), t.width-1)
		_, _ = t.out.WriteString("\r\x1b[K" + t.said)
		return
	}
	reason := ""
	for _, h := range holding {
		reason += fmt.Sprintln(h.Unit, h.Phase)
	}
	if reason != t.said {
		t.said = reason
		_, _ = t.out.WriteString("clarityctl: " + waitLine(holding) + "\n")
	}
}

func (t *teller) clear() {
	if t.width > 0 && t.said != "" {
		_, _ = t.out.WriteString("\r\x1b[K")
	}
}

// waitLine says in one line what is waited for.
func waitLine(holding []supervisor.Hold) string {
	line := "waits for " + holding[0].String()
	if n := len(holding) - 1; n > 0 {
		line += fmt.Sprintf(", and for %d more", n)
	}
	return line
}

// cut shortens a line to so many characters.
func cut(line string, width int) string {
	if r := []rune(line); len(r) > width && width > 0 {
		return strings.TrimSpace(string(r[:width-1])) + "…"
	}
	return line
}
