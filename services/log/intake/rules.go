package intake

import (
	"fmt"
	"math"
	"strings"
	"time"

	"clarityos/services/log"
)

// policy is what holds for the messages of one unit.
type policy struct {
	rate     Rate
	maxLevel int         // what is less urgent is not kept
	fields   []log.Field // which every record of it has besides
}

// policy returns what a unit's stream asks for, within what holds for all.
func (of Stream) policy(standard policy) policy {
	p := standard
	if of.RateIntervalUS != 0 {
		p.rate.Interval = time.Duration(min(of.RateIntervalUS, math.MaxInt64/1000)) * time.Microsecond
	}
	if of.RateBurst != 0 {
		p.rate.Burst = of.RateBurst
	}
	if of.LevelMax != nil {
		p.maxLevel = min(p.maxLevel, *of.LevelMax)
	}
	for _, text := range of.Fields {
		if name, value, ok := strings.Cut(text, "="); ok && fieldName(name) {
			p.fields = append(p.fields, log.Field{Name: name, Value: value})
		}
	}
	return p
}

// ledger is what is known of one unit's messages. It is a value, so that a
// decision counts only once what follows from it is stored.
type ledger struct {
	windows [5]window // by pool
	// suppressed counts the messages of this boot that were, and said those
	// of them that a record tells of. What is between is due at that time.
	suppressed, said uint64
	due              uint64 // µs since the kernel started
}

// verdict is what becomes of a message.
type verdict int

const (
	kept       verdict = iota
	unwanted           // less urgent than what is kept
	suppressed         // beyond the rate
)

func (l ledger) judge(now uint64, priority int, p policy) (ledger, verdict) {
	if priority > p.maxLevel {
		return l, unwanted
	}
	w := &l.windows[pool(priority)]
	var admitted bool
	if *w, admitted = w.admit(now, p.rate); admitted {
		return l, kept
	}
	if l.suppressed == l.said {
		l.due = w.began + uint64(p.rate.Interval.Microseconds())
	}
	l.suppressed++
	return l, suppressed
}

// over reports whether nothing that was said still counts.
func (l ledger) over(now uint64, r Rate) bool {
	for _, w := range l.windows {
		if !w.over(now, r) {
			return false
		}
	}
	return true
}

// rules are the policies and the ledgers of all units.
type rules struct {
	standard policy
	policies map[string]policy
	ledgers  map[string]ledger
}

// The sources of marks and of records that tell of suppressed messages, in
// front of the unit. The store keeps how far they are as for other sources, and
// so a count survives the component that counted.
const (
	sourceSuppressed = "rate:"
	sourceSaid       = "said:"
)

// openRules takes over the counts of the component before.
func openRules(standard policy, store *log.Store) *rules {
	r := &rules{standard: standard, policies: map[string]policy{}, ledgers: map[string]ledger{}}
	for unit, n := range store.Positions(sourceSuppressed) {
		said, _ := store.Position(sourceSaid + unit)
		r.ledgers[unit] = ledger{suppressed: n, said: min(said, n)}
	}
	return r
}

func (r *rules) policy(unit string) policy {
	if p, ok := r.policies[unit]; ok {
		return p
	}
	return r.standard
}

// mark is the record that keeps a ledger's count.
func (l ledger) mark(unit string) log.Record {
	return log.Record{Mark: true, Source: sourceSuppressed + unit, Position: l.suppressed}
}

// due returns the reports whose time has come, and when the next one's will, in
// µs since the kernel started; 0 for never.
func (r *rules) due(now clock) (reports []log.Record, next uint64) {
	for unit, l := range r.ledgers {
		switch n := l.suppressed - l.said; {
		case n == 0:
			if l.suppressed == 0 && l.over(now.monotonic, r.policy(unit).rate) {
				delete(r.ledgers, unit) // there may be many units in a boot
			}
		case l.due > now.monotonic:
			if next == 0 || l.due < next {
				next = l.due
			}
		default:
			from := unit
			if from == "" {
				from = "processes of no unit"
			}
			reports = append(reports, log.Record{RealtimeUS: now.realtime, MonotonicUS: now.monotonic, Unit: unit, Identifier: "clarityd",
				Priority: log.Warning, Message: fmt.Sprintf("Suppressed %d messages from %s", n, from),
				Fields: []log.Field{{Name: "N_DROPPED", Value: fmt.Sprint(n)}},
				Source: sourceSaid + unit, Position: l.suppressed})
		}
	}
	return reports, next
}

// told notes that a report is stored.
func (r *rules) told(report log.Record) {
	l := r.ledgers[report.Unit]
	l.said = report.Position
	r.ledgers[report.Unit] = l
}
