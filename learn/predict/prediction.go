package predict

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Kind is what a unit fails of.
type Kind string

// The kinds.
const (
	Memory      Kind = "memory"         // bytes that cannot be reclaimed
	Descriptors Kind = "descriptors"    // open files of the process that has the most
	Tasks       Kind = "tasks"          // processes and threads
	Disk        Kind = "disk"           // bytes in the folders of the unit
	Latency     Kind = "health-latency" // seconds of a health probe
	Starts      Kind = "start-duration" // seconds of a start
	Restarts    Kind = "restarts"       // automatic ones
)

// quantum is the least of a kind that tells two values apart.
var quantum = map[Kind]float64{Memory: 64 << 10, Descriptors: 1, Tasks: 1, Disk: 64 << 10, Latency: 1e-3, Starts: 10e-3}

// Prediction is a failure that is likely. Times are CLOCK_BOOTTIME.
type Prediction struct {
	Unit       string        `json:"unit"`
	Kind       Kind          `json:"kind"`
	Limit      string        `json:"limit"`           // what is reached, for people: "MemoryMax=64M of x.service"
	Value      float64       `json:"value"`           // now, in bytes, seconds or a count
	Most       float64       `json:"most"`            // the limit, in the same; 0: there is none
	Grown      float64       `json:"grown,omitempty"` // by so much since Since
	Since      time.Duration `json:"since"`           // when it began to go this way
	At         time.Duration `json:"at"`              // when this was reckoned
	Expected   time.Duration `json:"expected"`        // from At until the failure
	Soonest    time.Duration `json:"soonest"`         // … and its bounds
	Latest     time.Duration `json:"latest"`
	Confidence float64       `json:"confidence"`     // that it goes this way at all, 0 to 1; the bounds hold 95 %
	Basis      string        `json:"basis"`          // what it follows from, for people
	Over       string        `json:"over,omitempty"` // why it is not predicted any more; "": it is
}

// Gone is the share of the way to the failure that lies behind, 0 to 1, reckoned by the
// soonest time that it is expected.
func (p Prediction) Gone(now time.Duration) float64 {
	whole := p.At + p.Soonest - p.Since
	if whole <= 0 {
		return 1
	}
	return min(max(float64(now-p.Since)/float64(whole), 0), 1)
}

// String says it in a line.
func (p Prediction) String() string {
	if p.Over != "" {
		return fmt.Sprintf("%s is no longer expected to fail of its %s: %s", p.Unit, p.words(), p.Over)
	}
	return fmt.Sprintf("%s is likely to fail in %s, between %s and %s: %s", p.Unit, Span(p.Expected), Span(p.Soonest), Span(p.Latest), p.Basis)
}

func (p Prediction) words() string {
	switch p.Kind {
	case Latency:
		return "health probe"
	case Starts:
		return "slow starts"
	case Disk:
		return "files"
	}
	return string(p.Kind)
}

// Amount writes a value of a kind.
func (k Kind) Amount(v float64) string {
	switch k {
	case Memory, Disk:
		unit := 0
		for ; v >= 1024 && unit < 4; unit++ {
			v /= 1024
		}
		return short(v) + []string{" B", " KiB", " MiB", " GiB", " TiB"}[unit]
	case Latency, Starts:
		return Span(time.Duration(v * float64(time.Second)))
	}
	return short(v)
}

// Span writes a time in at most two units.
func Span(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d >= 10*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func short(v float64) string {
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// grows makes a prediction of a line.
func grows(unit string, kind Kind, at time.Duration, v float64, r Reading, l *line) Prediction {
	p := Prediction{Unit: unit, Kind: kind, Limit: r.Of, Value: v, Most: r.Limit, Grown: l.grown, Since: l.since, At: at,
		Expected: l.within, Soonest: l.soonest, Latest: l.latest, Confidence: min(normal(l.z), .99)}
	what := map[Kind]string{Memory: "its memory has", Descriptors: "its open descriptors have", Tasks: "its processes and threads have",
		Disk: "its files have", Latency: "its health probe takes longer, and has", Starts: "its starts take longer, and have"}[kind]
	p.Basis = fmt.Sprintf("%s grown by %s in %s to %s; %s is %s", what, kind.Amount(l.grown), Span(at-l.since), kind.Amount(v), r.Of, kind.Amount(r.Limit))
	return p
}

// normal is the distribution function of the normal distribution.
func normal(z float64) float64 { return .5 * math.Erfc(-z/math.Sqrt2) }
