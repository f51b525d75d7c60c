package main

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/services/control"
)

// screen is what top shows. Its methods neither ask nor write.
type screen struct {
	status control.StatusReply
	usage  control.UsageReply // of the last sample
	rows   []TopRow
	by     string // the order, a key of topOrders

	chosen string   // the unit that the cursor is on; it stays there when the order changes
	first  int      // the row at the top
	detail string   // the unit that all is told about; "": the table is shown
	lines  []string // what is told; nil: not known yet

	paint func(colour, text string) string // nil: without colours
}

// topHead is how many lines stand above the rows; one stands below them.
const topHead = 3

// keysOf cuts what was read into keys: a control sequence of ECMA-48, as arrows
// send it, is one.
func keysOf(read string) []string {
	var keys []string
	for len(read) > 0 {
		n := 1
		if len(read) > 2 && read[0] == 0x1b && (read[1] == '[' || read[1] == 'O') {
			for n = 2; n < len(read) && (read[n] < 0x40 || read[n] > 0x7e); {
				n++
			}
			n = min(n+1, len(read))
		}
		keys, read = append(keys, read[:n]), read[n:]
	}
	return keys
}

// key acts on what was typed; false ends it.
func (s *screen) key(k string) bool {
	at := s.at()
	switch k {
	case "q", "\x03", "\x04":
		return false
	case "\x1b", "\x7f", "\x1b[D":
		s.detail, s.lines = "", nil
	case "\r", "\n", "\x1b[C":
		if at >= 0 {
			s.detail, s.lines = s.rows[at].Unit, nil
		}
	case "\x1b[A", "\x1bOA", "k":
		at--
	case "\x1b[B", "\x1bOB", "j":
		at++
	case "\x1b[5~":
		at -= 10
	case "\x1b[6~":
		at += 10
	case "c", "m", "t", "i", "n":
		s.by = map[string]string{"c": "cpu", "m": "memory", "t": "tasks", "i": "io", "n": "name"}[k]
		s.sort()
		return true
	}
	if len(s.rows) > 0 {
		s.chosen = s.rows[min(max(at, 0), len(s.rows)-1)].Unit
	}
	return true
}

// at is the index of the chosen row; 0 when it is gone, -1 without rows.
func (s *screen) at() int {
	if len(s.rows) == 0 {
		return -1
	}
	return max(slices.IndexFunc(s.rows, func(r TopRow) bool { return r.Unit == s.chosen }), 0)
}

// draw gives the whole screen, each line with what clears the rest of it.
func (s *screen) draw(width, height int) string {
	line := func(text string) string { return cut(text, width) }
	out := []string{line(s.headline()), ""}
	body := max(height-topHead-1, 1)
	if s.detail != "" {
		out = append(out, s.coloured("1", line("all about "+s.detail)))
		for _, l := range s.lines[:min(len(s.lines), body)] {
			out = append(out, line(l))
		}
		return s.join(append(out, line("Esc: back   q: end")))
	}
	out = append(out, s.coloured("1", line(fmt.Sprintf("%-36s %-14s %-9s %7s %11s %6s %12s", "UNIT", "STATE", "HEALTH", "CPU", "MEMORY", "TASKS", "I/O"))))
	at := s.at()
	s.first = max(min(s.first, at), at-body+1, 0)
	for i := s.first; i < min(len(s.rows), s.first+body); i++ {
		r := s.rows[i]
		text := line(fmt.Sprintf("%-36s %-14s %-9s %6.1f%% %11s %6d %10s/s", cut(r.Unit, 36), r.State, r.Health, r.CPU, size(r.Memory), r.Tasks, size(uint64(r.IO))))
		switch {
		case i == at && s.paint != nil:
			text = "\x1b[7m" + text + "\x1b[0m"
		default:
			text = s.coloured(r.colour, text)
		}
		out = append(out, text)
	}
	if s.paint != nil {
		out = append(out, line(fmt.Sprintf("%d units by %s   c m t i n: sort   Enter: all about it   q: end", len(s.rows), s.by)))
	}
	return s.join(out)
}

func (s *screen) headline() string {
	sum := s.status.Summary
	text := fmt.Sprintf("%s for %s: %d units up", sum.State, round(s.status.Now), sum.Up)
	for _, l := range []struct {
		what  string
		units []string
	}{{"failed", sum.Failed}, {"unhealthy", sum.Unhealthy}, {"under way", sum.Waiting}} {
		if len(l.units) > 0 {
			text += fmt.Sprintf(", %d %s", len(l.units), l.what)
		}
	}
	return text
}

func (s *screen) coloured(colour, text string) string {
	if s.paint == nil {
		return text
	}
	return s.paint(colour, text)
}

func (s *screen) join(lines []string) string {
	if s.paint == nil {
		return strings.Join(lines, "\n") + "\n"
	}
	return strings.Join(lines, "\x1b[K\r\n") + "\x1b[K"
}
