package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/google/renameio/v2"

	"clarityos/services/log"
)

// query turns what was typed into what the store understands.
func (a logsAsked) query(ctx context.Context) (q log.Query, err error) {
	q.Follow, q.Reverse, q.Lines = a.follow, a.reverse, a.lines
	if a.unit != "" {
		q.Unit = unitName(a.unit)
	}
	if q.Since, err = moment(a.since); err != nil {
		return q, fmt.Errorf("--since: %w", err)
	}
	if q.Until, err = moment(a.until); err != nil {
		return q, fmt.Errorf("--until: %w", err)
	}
	if a.priority != "" {
		p, err := log.ParsePriority(a.priority)
		if err != nil {
			return q, fmt.Errorf("--priority: %w", err)
		}
		q.MaxPriority = &p
	}
	if a.grep != "" {
		if q.Grep, err = regexp.Compile(a.grep); err != nil {
			return q, fmt.Errorf("--grep: %w", err)
		}
	}
	fields := a.fields
	for _, name := range a.identifiers {
		fields = append(fields, "SYSLOG_IDENTIFIER="+name)
	}
	if a.kernel {
		fields = append(fields, "_TRANSPORT=kernel")
	}
	for _, text := range fields {
		f, err := parseField(text)
		if err != nil {
			return q, err
		}
		q.Fields = append(q.Fields, f)
	}
	if err := a.place(&q); err != nil {
		return q, err
	}
	switch {
	case a.boot != "" && a.boot != "0":
		boots, err := log.Boots(ctx, logDir)
		if err != nil {
			return q, err
		}
		if q.Boot, err = log.FindBoot(boots, a.boot); err != nil {
			return q, fmt.Errorf("--boot: %w", err)
		}
	case a.boot == "0", !a.allBoots && q.After == log.Place{}:
		q.Boot, err = log.CurrentBoot()
	}
	return q, err
}

// place sets the record behind which to go on.
func (a logsAsked) place(q *log.Query) (err error) {
	text := a.after
	if a.cursorFile != "" {
		kept, err := os.ReadFile(a.cursorFile)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("--cursor-file: %w", err)
		}
		text = strings.TrimSpace(string(kept))
	}
	if text != "" {
		q.After, err = log.ParseCursor(text)
	}
	return err
}

// saveCursor keeps a cursor for the next call, even if printing ended in err.
func saveCursor(path, cursor string, err error) error {
	return errors.Join(err, renameio.WriteFile(path, []byte(cursor+"\n"), 0o644))
}
