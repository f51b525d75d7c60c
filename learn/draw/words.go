package draw

import (
	"fmt"
	"strings"
	"time"
)

// Span makes a time span readable.
func Span(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

// Size makes a number of bytes readable.
func Size(bytes uint64) string {
	n, unit := float64(bytes), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if n < 1024 {
			break
		}
		n, unit = n/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", n, unit)
}

// Count is a number of things: "1 boot", "2 boots".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Amount writes a value of a profile in the unit of its measure: s, B, "" of a count,
// or these for each second.
func Amount(v float64, unit string) string {
	base, rate := strings.CutSuffix(unit, "/s")
	per := ""
	if rate {
		per = "/s"
	}
	switch base {
	case "s":
		if rate { // seconds for each second: a share of a processor
			return fmt.Sprintf("%.3g%% CPU", 100*v)
		}
		return Span(time.Duration(v * float64(time.Second)))
	case "B":
		return Size(uint64(v)) + per
	}
	return fmt.Sprintf("%.4g", v) + per
}

// Cut shortens a text to so many characters, the last of which then is "…".
func Cut(text string, most int) string {
	n := 0
	for i := range text {
		if n++; n == most && len([]rune(text[i:])) > 1 {
			return strings.TrimSpace(text[:i]) + "…"
		}
	}
	return text
}
