package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bool reads systemd's spellings of a truth value.
func Bool(value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true, nil
	case "0", "no", "n", "false", "f", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", value)
}

// Infinity is what Duration gives for "infinity".
const Infinity = time.Duration(math.MaxInt64)

var spans = map[string]time.Duration{
	"": time.Second, "s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
	"us": time.Microsecond, "usec": time.Microsecond, "µs": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
	"M": 2629800 * time.Second, "month": 2629800 * time.Second, "months": 2629800 * time.Second,
	"y": 31557600 * time.Second, "year": 31557600 * time.Second, "years": 31557600 * time.Second,
}

// Duration reads a time span of systemd.time(7), such as "1min 30s", "90" or
// "infinity". What does not fit 290 years is infinity.
func Duration(value string) (time.Duration, error) {
	if value == "infinity" {
		return Infinity, nil
	}
	rest := strings.TrimSpace(value)
	if rest == "" {
		return 0, fmt.Errorf("an empty time span")
	}
	total := 0.0
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n < 0 {
			n = len(rest)
		}
		number, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time span: expected a number at %q", value, rest)
		}
		rest = strings.TrimLeft(rest[n:], " \t")
		n = strings.IndexFunc(rest, func(r rune) bool { return r == ' ' || r == '\t' || r >= '0' && r <= '9' })
		if n < 0 {
			n = len(rest)
		}
		span, ok := spans[rest[:n]]
		if !ok {
			return 0, fmt.Errorf("%q is no time span: no unit of time %q (us, ms, s, min, h, d, w, month, year)", value, rest[:n])
		}
		total += number * float64(span)
		rest = strings.TrimLeft(rest[n:], " \t")
	}
	if total >= math.MaxInt64 {
		return Infinity, nil
	}
	return time.Duration(math.Round(total)), nil
}

// Size reads a number of bytes with an optional suffix K, M, G, T, P or E (to
// the base 1024); "infinity" is ^uint64(0).
func Size(value string) (uint64, error) { return size(value, 1024) }

// SizeDecimal is Size to the base 1000, as for bandwidths.
func SizeDecimal(value string) (uint64, error) { return size(value, 1000) }

func size(value string, base uint64) (uint64, error) {
	if value == "infinity" {
		return math.MaxUint64, nil
	}
	digits := strings.TrimRight(value, "KMGTPEB")
	power := 0
	switch suffix := strings.TrimSuffix(value[len(digits):], "B"); {
	case suffix == "":
	case len(suffix) == 1:
		power = strings.Index("KMGTPE", suffix) + 1
	default:
		return 0, fmt.Errorf("%q is no size: no suffix %q (K, M, G, T, P, E)", value, suffix)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no size, such as 64M", value)
	}
	for range power {
		if n > math.MaxUint64/base {
			return 0, fmt.Errorf("%q does not fit 64 bits", value)
		}
		n *= base
	}
	return n, nil
}

// Mode reads octal permission bits, 0 to 07777.
func Mode(value string) (uint32, error) {
	n, err := strconv.ParseUint(value, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("%q is no octal mode from 0 to 7777", value)
	}
	return uint32(n), nil
}
