package graph

import (
	"fmt"
	"time"
)

// Why says in words what is known of a pair, the strongest evidence first. There is
// at least one line.
func (e *Edge) Why(p Pair) (out []string) {
	switch e.Said {
	case Pinned:
		out = append(out, "a person has said that it is needed (graph pin)")
	case Ignored:
		out = append(out, "a person has said that it is not needed (graph ignore)")
	}
	if t := e.Trained; t != nil && t.Boots > 0 {
		out = append(out, fmt.Sprintf("training held %s back by %v; %s waited for it in %d of %d boots", p.On, t.Delay.Round(gapUnit(t.Delay)), p.Unit, t.Waited, t.Boots))
		if t.Fails > 0 {
			out[len(out)-1] += fmt.Sprintf(", and failed in %d", t.Fails)
		}
	}
	if t := e.Trained; t != nil && t.Kills > 0 {
		out = append(out, fmt.Sprintf("training killed %s %d times, after which %s failed %d times", p.On, t.Kills, p.Unit, t.Fell))
	}
	for _, o := range e.Objects {
		out = append(out, o.why(p, e.Both))
	}
	if len(e.Objects) == 0 && e.Start.Class == Timing {
		out = append(out, fmt.Sprintf("%s was ready at most %v after %s, and was seen to use nothing of it", p.Unit, soonAfter, p.On))
	}
	if e.Fatal.Class > 0 && e.Fatal.Held {
		out = append(out, fmt.Sprintf("when it missed that, its start failed and was tried again (sure to %.1f%%)", 100*e.Fatal.P()))
	}
	for _, b := range []struct {
		Belief
		what string
	}{{e.Start, "needs it to start"}, {e.Steady, "uses it when it runs"}} {
		if b.Class > Timing {
			out = append(out, fmt.Sprintf("that it %s is sure to %.1f%% (for it %.2f boots, against it %.2f; older ones count less)", b.what, 100*b.P(), b.For, b.Against))
		}
	}
	if len(out) == 0 {
		out = append(out, "nothing is known of it")
	}
	return out
}

func (o *Object) why(p Pair, both int) string {
	seen := fmt.Sprintf("seen in %d of %d boots", o.Seen, both)
	if o.Age > 0 {
		seen += fmt.Sprintf(", the last time %d ago", o.Age)
	}
	thing := o.Name
	if o.Kind != "file" {
		thing = o.Kind + " " + o.Name
	}
	if o.Missed == 0 {
		if o.Kind == "unix" || o.Kind == "tcp" || o.Kind == "udp" || o.Kind == "bus" {
			return fmt.Sprintf("%s talked to %s, which %s has; %s", p.Unit, thing, p.On, seen)
		}
		return fmt.Sprintf("%s used %s, which %s had made; %s", p.Unit, thing, p.On, seen)
	}
	when := "before"
	if o.Gap > 0 {
		when = fmt.Sprintf("%v before", o.Gap.Round(gapUnit(o.Gap)))
	}
	made := "created it"
	if o.Kind == "tcp" || o.Kind == "udp" {
		made = "listened there"
	}
	line := fmt.Sprintf("%s got %s on %s %s %s %s; %s", p.Unit, o.Failed, thing, when, p.On, made, seen)
	if o.Missed < o.Seen {
		line += fmt.Sprintf(", in %d of them missed first", o.Missed)
	}
	return line
}

// gapUnit is what a span is rounded to, so that three digits are left.
func gapUnit(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d >= 1000*unit {
		unit *= 10
	}
	return unit
}
