package flash

import (
	"fmt"
	"time"
)

// rateOver is how far back a rate looks.
const rateOver = 10 * time.Second

// Meter makes lines of steps. Its zero value works.
type Meter struct {
	name    string
	samples []sample // of the last rateOver; the oldest first
}

type sample struct {
	at   time.Time
	done int64
}

// Line is a step in words: what is done, of how much, how fast and how long it takes yet.
func (m *Meter) Line(s Step, now time.Time) string {
	if s.Name != m.name {
		*m = Meter{name: s.Name}
	}
	m.samples = append(m.samples, sample{now, s.Done})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= rateOver {
		m.samples = m.samples[1:]
	}
	percent := int64(100)
	if s.Total > 0 {
		percent = int64(float64(s.Done) / float64(s.Total) * 100)
	}
	line := fmt.Sprintf("%-8s  %3d%%  %s of %s", s.Name, percent, Size(s.Done), Size(s.Total))
	first := m.samples[0]
	took, moved := now.Sub(first.at), s.Done-first.done
	if took <= 0 || moved <= 0 {
		return line
	}
	rate := float64(moved) / took.Seconds()
	line += fmt.Sprintf("  %s/s", Size(int64(rate)))
	if left := s.Total - s.Done; left > 0 {
		line += fmt.Sprintf("  %v left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	return line
}

// Size is a number of bytes for people.
func Size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	if v >= 100 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
