package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/log"
	"clarityos/services/unit"
)

// logDir is where a boot's log begins; the store may have moved on to /var.
const logDir = "/run/clarity/log"

func (c *ctl) logs() *cobra.Command {
	var unitArg, since, until, priority, grep string
	var boot, all bool
	var q log.Query
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "What services, the kernel and PID 1 said",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unitArg != "" {
				q.Unit = unitName(unitArg)
			}
			var err error
			if q.Since, err = moment(since); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if q.Until, err = moment(until); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			if priority != "" {
				p, err := parsePriority(priority)
				if err != nil {
					return err
				}
				q.MaxPriority = &p
			}
			if grep != "" {
				if q.Grep, err = regexp.Compile(grep); err != nil {
					return fmt.Errorf("--grep: %w", err)
				}
			}
			if boot || !all {
				if q.Boot, err = log.CurrentBoot(); err != nil {
					return err
				}
			}
			format := log.Short
			if c.json {
				format = log.JSON
			}
			return log.Print(cmd.Context(), os.Stdout, logDir, q, format)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&unitArg, "unit", "u", "", "only this unit")
	f.BoolVarP(&q.Follow, "follow", "f", false, "go on with what comes")
	f.IntVarP(&q.Lines, "lines", "n", 0, "only the last N lines")
	f.StringVar(&since, "since", "", "not before: a time such as 2026-11-23 05:15:00, or a span back such as 10min")
	f.StringVar(&until, "until", "", "not after, likewise")
	f.StringVarP(&priority, "priority", "p", "", "at least as urgent as: emerg, alert, crit, err, warning, notice, info, debug or 0 to 7")
	f.StringVarP(&grep, "grep", "g", "", "only messages that match a regular expression")
	f.BoolVarP(&boot, "boot", "b", false, "only this boot (the default)")
	f.BoolVar(&all, "all-boots", false, "earlier boots too")
	cmd.MarkFlagsMutuallyExclusive("boot", "all-boots")
	return cmd
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

func parsePriority(text string) (int, error) {
	for n, name := range []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"} {
		if text == name || text == strconv.Itoa(n) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("--priority: no priority %q (emerg, alert, crit, err, warning, notice, info, debug or 0 to 7)", text)
}
