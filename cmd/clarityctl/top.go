package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"clarityos/services/control"
)

// topEvery is how often top looks.
const topEvery = time.Second

func (c *ctl) top() *cobra.Command {
	var by string
	cmd := &cobra.Command{
		Use:   "top",
		Short: "What units use of CPU, memory and tasks, now and again",
		Long: `What units use, as a table that is drawn anew each second. Without a terminal, and
with --json, what they used in one second, once.

Keys: arrows choose a unit, Enter tells all about it, c, m, t, i and n sort by CPU,
memory, tasks, I/O and name, q ends.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, ok := topOrders[by]; !ok {
				return usageError{errors.New("--sort: it is cpu, memory, tasks, io or name, not " + by)}
			}
			s := &screen{by: by}
			if err := c.sample(cmd.Context(), s); err != nil {
				return err
			}
			if c.json || !c.terminal() || !term.IsTerminal(int(os.Stdin.Fd())) {
				select {
				case <-cmd.Context().Done():
					return cmd.Context().Err()
				case <-time.After(topEvery):
				}
				if err := c.sample(cmd.Context(), s); err != nil {
					return err
				}
				return c.print(s.rows, func() string { return s.draw(120, len(s.rows)+topHead+1) })
			}
			return c.watch(cmd.Context(), s)
		},
	}
	cmd.Flags().StringVar(&by, "sort", "cpu", "by `WHAT`: cpu, memory, tasks, io or name")
	_ = cmd.RegisterFlagCompletionFunc("sort", words("cpu", "memory", "tasks", "io", "name")) // fails only without the flag
	return cmd
}

// TopRow is what one unit uses.
type TopRow struct {
	Unit   string  `json:"unit"`
	State  string  `json:"state"`
	CPU    float64 `json:"cpu"`    // percent of one CPU, since the sample before
	Memory uint64  `json:"memory"` // bytes
	Tasks  uint64  `json:"tasks"`
	IO     float64 `json:"io"` // bytes of block devices in a second
	Health string  `json:"health,omitempty"`
	colour string
}

// topOrders say which row comes first, by the word for --sort.
var topOrders = map[string]func(a, b TopRow) int{
	"cpu":    func(a, b TopRow) int { return cmp.Compare(b.CPU, a.CPU) },
	"memory": func(a, b TopRow) int { return cmp.Compare(b.Memory, a.Memory) },
	"tasks":  func(a, b TopRow) int { return cmp.Compare(b.Tasks, a.Tasks) },
	"io":     func(a, b TopRow) int { return cmp.Compare(b.IO, a.IO) },
	"name":   func(a, b TopRow) int { return cmp.Compare(a.Unit, b.Unit) },
}

// sample asks PID 1 and makes the rows anew.
func (c *ctl) sample(ctx context.Context, s *screen) error {
	var list control.StatusReply
	var now control.UsageReply
	if err := errors.Join(c.ask(ctx, "List", nil, &list), c.ask(ctx, "Usage", nil, &now)); err != nil {
		return err
	}
	s.status, s.rows = list, topRows(list, s.usage, now)
	s.usage = now
	s.sort()
	if s.detail == "" {
		return nil
	}
	var why control.WhyReply
	if err := c.ask(ctx, "Why", control.UnitArgs{Unit: s.detail}, &why); err != nil {
		return err
	}
	s.lines = why.Lines
	for _, u := range now.Units {
		if u.Unit == s.detail {
			s.lines = append(s.lines, "", fmt.Sprintf("memory %s, at most %s; swap %s; killed for want of memory: %d", size(u.Memory), size(u.MemoryPeak), size(u.Swap), u.OOMKills),
				fmt.Sprintf("CPU time %s; %d tasks", round(u.CPU), u.Tasks),
				fmt.Sprintf("read %s in %d operations, written %s in %d", size(u.Read), u.Reads, size(u.Written), u.Writes))
		}
	}
	return nil
}

// topRows are the units that have a cgroup, and those that need attention.
func topRows(list control.StatusReply, before, now control.UsageReply) []TopRow {
	old, current := map[string]control.Usage{}, map[string]control.Usage{}
	for _, u := range before.Units {
		old[u.Unit] = u
	}
	for _, u := range now.Units {
		current[u.Unit] = u
	}
	seconds := (now.At - before.At).Seconds()
	var rows []TopRow
	for _, v := range list.Units {
		u, ok := current[v.Name]
		if !ok && colour(v) == "" {
			continue
		}
		r := TopRow{Unit: v.Name, State: string(v.Phase), Memory: u.Memory, Tasks: u.Tasks, Health: string(v.Health), colour: colour(v)}
		if o, known := old[v.Name]; known && seconds > 0 && u.CPU >= o.CPU && u.Read+u.Written >= o.Read+o.Written { // else it is a new cgroup
			r.CPU = 100 * (u.CPU - o.CPU).Seconds() / seconds
			r.IO = float64(u.Read+u.Written-o.Read-o.Written) / seconds
		}
		rows = append(rows, r)
	}
	return rows
}

func (s *screen) sort() {
	slices.SortStableFunc(s.rows, func(a, b TopRow) int { return cmp.Or(topOrders[s.by](a, b), cmp.Compare(a.Unit, b.Unit)) })
}

// watch draws until a person has seen enough.
func (c *ctl) watch(ctx context.Context, s *screen) error {
	in := int(os.Stdin.Fd())
	raw, err := term.MakeRaw(in)
	if err != nil {
		return fmt.Errorf("make the terminal raw: %w", err)
	}
	const enter, leave = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
	fmt.Print(enter)
	defer func() {
		fmt.Print(leave)
		_ = term.Restore(in, raw)
	}()
	keys := make(chan []string)
	go func() {
		defer close(keys)
		b := make([]byte, 16)
		for {
			n, err := os.Stdin.Read(b)
			if err != nil {
				return
			}
			select {
			case keys <- keysOf(string(b[:n])):
			case <-ctx.Done():
				return
			}
		}
	}()
	s.paint = c.paint
	tick := time.NewTicker(topEvery)
	defer tick.Stop()
	for {
		width, height := dimensions(os.Stdin)
		fmt.Print("\x1b[H" + s.draw(width, height) + "\x1b[J")
		select {
		case <-ctx.Done():
			return nil
		case typed, open := <-keys:
			if !open || slices.ContainsFunc(typed, func(k string) bool { return !s.key(k) }) {
				return nil
			}
			if s.detail == "" || s.lines != nil {
				continue
			}
		case <-tick.C:
		}
		if err := c.sample(ctx, s); err != nil {
			return err
		}
	}
}
