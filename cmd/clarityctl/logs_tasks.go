package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clarityos/services/log"
	"clarityos/services/unit"
)

// logsTask is what `logs` does instead of printing records.
type logsTask struct {
	boots, usage           bool
	vacuumSize, vacuumTime string
}

func (t *logsTask) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&t.boots, "list-boots", false, "list the boots that the log holds")
	f.BoolVar(&t.usage, "disk-usage", false, "tell how much room the log takes")
	f.StringVar(&t.vacuumSize, "vacuum-size", "", "remove the oldest segments beyond this size, such as 16M")
	f.StringVar(&t.vacuumTime, "vacuum-time", "", "remove segments that are older, such as 2weeks")
}

// do does what was asked for, and reports false if nothing was.
func (t *logsTask) do(ctx context.Context, c *ctl) (bool, error) {
	switch {
	case t.boots:
		return true, c.listBoots(ctx)
	case t.usage:
		n, err := log.Usage(logDir)
		if err != nil {
			return true, err
		}
		return true, c.print(map[string]int64{"bytes": n}, func() string {
			return fmt.Sprintf("The log takes %.1f MiB in %s.\n", float64(n)/(1<<20), log.Locate(logDir))
		})
	case t.vacuumSize != "" || t.vacuumTime != "":
		return true, t.vacuum(c)
	}
	return false, nil
}

func (t *logsTask) vacuum(c *ctl) error {
	size, age := int64(1<<62), time.Duration(0)
	if t.vacuumSize != "" {
		n, err := unit.Size(t.vacuumSize)
		if err != nil {
			return fmt.Errorf("--vacuum-size: %w", err)
		}
		size = int64(min(n, 1<<62))
	}
	if t.vacuumTime != "" {
		var err error
		if age, err = unit.Duration(t.vacuumTime); err != nil {
			return fmt.Errorf("--vacuum-time: %w", err)
		}
	}
	freed, err := log.Vacuum(logDir, size, age)
	if err != nil {
		return err
	}
	return c.print(map[string]int64{"freed": freed}, func() string {
		return fmt.Sprintf("%.1f MiB freed.\n", float64(freed)/(1<<20))
	})
}

// bootLine is one boot in the form of `journalctl --list-boots -o json`.
type bootLine struct {
	Index int    `json:"index"`
	Boot  string `json:"boot_id"`
	First int64  `json:"first_entry"` // µs since 1970
	Last  int64  `json:"last_entry"`
}

func (c *ctl) listBoots(ctx context.Context) error {
	boots, err := log.Boots(ctx, logDir)
	if err != nil {
		return err
	}
	lines := []bootLine{}
	for i, b := range boots {
		lines = append(lines, bootLine{i + 1 - len(boots), b.Boot, b.First.UnixMicro(), b.Last.UnixMicro()})
	}
	return c.print(lines, func() string {
		var text strings.Builder
		for i, b := range boots {
			fmt.Fprintf(&text, "%3d %s %s to %s, %d records\n", lines[i].Index, b.Boot,
				b.First.Local().Format(time.DateTime), b.Last.Local().Format(time.DateTime), b.Records)
		}
		return text.String()
	})
}

func (c *ctl) logsVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check the checksum of every record",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			segments, err := log.Verify(logDir)
			if err != nil {
				return err
			}
			damaged := 0
			err = c.print(segments, func() string {
				var text strings.Builder
				for _, s := range segments {
					fmt.Fprintf(&text, "%s: %d records, %d bytes", s.Path, s.Records, s.Bytes)
					if s.Torn > 0 {
						fmt.Fprintf(&text, ", an unfinished write of %d bytes", s.Torn)
					}
					for _, d := range s.Damage {
						fmt.Fprintf(&text, "\n  damaged at byte %d; what stood there is lost", d.At)
					}
					text.WriteByte('\n')
				}
				return text.String()
			})
			for _, s := range segments {
				damaged += len(s.Damage)
			}
			if err == nil && damaged > 0 {
				return exit(exitFailed)
			}
			return err
		},
	}
}
