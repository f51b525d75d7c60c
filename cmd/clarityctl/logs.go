package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/log"
	"clarityos/services/unit"
)

// logDir is where a boot's log begins; the store may have moved on to /var.
const logDir = "/run/clarity/log"

// logsAsked is what a person wants of the log, as it was typed.
type logsAsked struct {
	unit, since, until, priority, grep string
	boot, output                       string
	fields, identifiers                []string
	allBoots, kernel                   bool
	after, cursorFile                  string
	showCursor                         bool
	follow, reverse                    bool
	lines                              int
}

func (c *ctl) logs() *cobra.Command {
	var a logsAsked
	var task logsTask
	cmd := &cobra.Command{
		Use:   "logs [NAME=VALUE ...]",
		Short: "What services, the kernel and PID 1 said",
		Long: `What services, the kernel and PID 1 said. NAME=VALUE wants a field by its name in
journald: of several values for one name, one has to match, of several names all.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := task.do(cmd.Context(), c); done || err != nil {
				return err
			}
			a.fields = append(a.fields, args...)
			q, err := a.query(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				a.output = string(log.JSON)
			}
			format, err := log.ParseFormat(a.output)
			if err != nil {
				return fmt.Errorf("--output: %w", err)
			}
			cursor, err := log.Print(cmd.Context(), os.Stdout, logDir, q, format, log.ThisHost())
			if cursor != "" && a.cursorFile != "" {
				return saveCursor(a.cursorFile, cursor, err)
			}
			if cursor != "" && a.showCursor {
				fmt.Printf("-- cursor: %s\n", cursor)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&a.unit, "unit", "u", "", "only this unit")
	f.BoolVarP(&a.follow, "follow", "f", false, "go on with what comes")
	f.IntVarP(&a.lines, "lines", "n", 0, "only the last N lines")
	f.BoolVarP(&a.reverse, "reverse", "r", false, "the newest first")
	f.StringVar(&a.since, "since", "", "not before: a time such as 2026-11-23 05:15:00, or a span back such as 10min")
	f.StringVar(&a.until, "until", "", "not after, likewise")
	f.StringVarP(&a.priority, "priority", "p", "", "at least as urgent as: emerg, alert, crit, err, warning, notice, info, debug or 0 to 7")
	f.StringVarP(&a.grep, "grep", "g", "", "only messages that match a regular expression")
	f.StringArrayVar(&a.fields, "field", nil, "only records with this field: NAME=VALUE")
	f.StringArrayVarP(&a.identifiers, "identifier", "t", nil, "only what programs of this name said")
	f.BoolVarP(&a.kernel, "dmesg", "k", false, "only the kernel")
	f.StringVarP(&a.boot, "boot", "b", "", "this boot (the default), or --boot=-1 for the one before, or by its id")
	f.Lookup("boot").NoOptDefVal = "0"
	f.BoolVar(&a.allBoots, "all-boots", false, "earlier boots too")
	f.StringVarP(&a.output, "output", "o", string(log.Short), "short, short-iso, short-precise, cat, raw (lines as they were written), json or export (as journalctl)")
	f.StringVar(&a.after, "after-cursor", "", "only what comes behind the record with this __CURSOR")
	f.StringVar(&a.cursorFile, "cursor-file", "", "go on behind the cursor in a file, and keep the last one there")
	f.BoolVar(&a.showCursor, "show-cursor", false, "end with the cursor of the last record")
	task.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("boot", "all-boots")
	cmd.MarkFlagsMutuallyExclusive("follow", "reverse")
	cmd.MarkFlagsMutuallyExclusive("after-cursor", "cursor-file")
	cmd.AddCommand(c.logsVerify())
	return cmd
}

// fieldForm is a field as it is typed.
var fieldForm = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func parseField(text string) (log.Field, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || !fieldForm.MatchString(name) {
		return log.Field{}, fmt.Errorf("%q is no field: it is NAME=VALUE with a name of capitals, digits and underscores", text)
	}
	return log.Field{Name: name, Value: value}, nil
}

// moment reads a time, or a span that lies back from now.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	d, err := unit.Duration(strings.TrimPrefix(text, "-"))
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-11-23 05:15:00 nor a span such as 10min", text)
	}
	return time.Now().Add(-d), nil
}
