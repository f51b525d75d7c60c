package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/term"

	"clarityos/learn/draw"
	"clarityos/services/supervisor"
)

// print writes v as JSON when asked to, else what text gives: through a pager
// when that is longer than the terminal.
func (c *ctl) print(v any, text func() string) error {
	if c.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	out := text()
	if pager := c.pager(out); pager != nil {
		pager.Stdin, pager.Stdout, pager.Stderr = strings.NewReader(out), os.Stdout, os.Stderr
		if err := pager.Start(); err == nil {
			return pager.Wait()
		}
	}
	_, err := fmt.Print(out)
	return err
}

// pager gives the program that shows a text which is longer than the terminal;
// nil when there is none or no need.
func (c *ctl) pager(text string) *exec.Cmd {
	if c.noPager || !c.terminal() {
		return nil
	}
	if _, rows := dimensions(os.Stdout); strings.Count(text, "\n") < rows {
		return nil
	}
	for _, p := range []string{os.Getenv("PAGER"), "less", "more"} {
		words := strings.Fields(p)
		if len(words) == 0 {
			continue
		}
		if program, err := exec.LookPath(words[0]); err == nil {
			cmd := exec.Command(program, words[1:]...)
			cmd.Env = os.Environ()
			if os.Getenv("LESS") == "" {
				cmd.Env = append(cmd.Env, "LESS=FRX")
			}
			return cmd
		}
	}
	return nil
}

// dimensions of a terminal, in characters. A serial console knows none, and is
// taken to be as large as they were.
func dimensions(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// terminal says whether a person looks at stdout.
func (c *ctl) terminal() bool { return term.IsTerminal(int(os.Stdout.Fd())) }

// The colours of states, as SGR parameters.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

// paint colours a text where a person looks who did not set NO_COLOR.
func (c *ctl) paint(colour, text string) string {
	if colour == "" || c.json || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !c.terminal() {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// colour of a unit's state; "" for one that needs no attention.
func colour(u supervisor.View) string {
	switch {
	case u.Active == "failed" || u.Phase == supervisor.Backoff || u.Health == "unhealthy":
		return red
	case u.Active == "activating" || u.Active == "deactivating" || u.Active == "reloading" || u.Job != "":
		return yellow
	}
	return ""
}

// mark is a unit's state in one character.
func (c *ctl) mark(u supervisor.View) string {
	switch u.Active {
	case "failed":
		return c.paint(red, "×")
	case "active":
		return c.paint(green, "●")
	case "inactive":
		return "○"
	}
	return c.paint(yellow, "↻")
}

// round makes a time span readable.
func round(d time.Duration) string { return draw.Span(d) }

// size makes a number of bytes readable.
func size(bytes uint64) string { return draw.Size(bytes) }

// count is a number of things: "1 boot", "2 boots".
func count(n int, thing string) string { return draw.Count(n, thing) }
