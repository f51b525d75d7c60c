package log

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Format is how records are printed.
type Format int

const (
	Short Format = iota // time, identifier or unit, process id, message
	JSON                // one object a line, as Record
	Bare                // the message alone
)

// Print writes the records of the store in dir that the query wants. Damage
// is told in a line of its own, unless the format is for programs; then it is
// the error at the end.
func Print(ctx context.Context, w io.Writer, dir string, q Query, f Format) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	var damage error
	for r, err := range Read(ctx, dir, q) {
		var broken *DamageError
		switch {
		case errors.As(err, &broken):
			damage = err
			if f == Short {
				fmt.Fprintf(out, "-- %v --\n", err)
			}
			continue
		case err != nil:
			return errors.Join(out.Flush(), err)
		}
		switch f {
		case JSON:
			err = enc.Encode(r)
		case Bare:
			_, err = fmt.Fprintln(out, r.Message)
		default:
			_, err = io.WriteString(out, short(r))
		}
		if err == nil && q.Follow {
			err = out.Flush()
		}
		if err != nil {
			return fmt.Errorf("print the log: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print the log: %w", err)
	}
	if f != Short {
		return damage
	}
	return nil
}

// short is a record for a person: control characters are shown as ?, further
// lines of a message are indented.
func short(r Record) string {
	who := r.Identifier
	if who == "" {
		who = strings.TrimSuffix(r.Unit, ".service")
	}
	if who == "" {
		who = "?"
	}
	if r.PID > 0 {
		who = fmt.Sprintf("%s[%d]", who, r.PID)
	}
	text := strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' && c != '\n' || c == 0x7f {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(strings.TrimRight(r.Message, "\n"), "?"))
	if r.Cut {
		text += "…"
	}
	text = strings.ReplaceAll(text, "\n", "\n    ")
	return fmt.Sprintf("%s %s: %s\n", r.Time().Local().Format(time.StampMilli), who, text)
}
