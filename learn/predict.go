package learn

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"clarityos/learn/predict"
	"clarityos/learn/profiles"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/control"
	pid1 "clarityos/services/control/client"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// filesEvery is how many samples there are from one look at a unit's files to the next.
const filesEvery = 6

// predicting says which units are likely to fail, and acts where their policy says so.
type predicting struct {
	*component
	control string // PID 1's socket
	clock   func() time.Duration
	acts    sync.WaitGroup

	mu     sync.Mutex // of all that follows
	book   predict.Book
	units  map[string]*foreseen
	passes int
}

// foreseen is what is known of a unit that is up, or was.
type foreseen struct {
	unit      *plan.Unit
	group     string
	probed    time.Duration // the last probe that was folded
	reclaimed time.Duration
	restarted time.Duration
	acting    bool
}

// predictions begins anew: what an earlier process of the component predicted nobody
// follows any more.
func (c *component) predictions(ctx context.Context) *predicting {
	p := &predicting{component: c, control: control.Path, clock: bootTime, units: map[string]*foreseen{}}
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	var kept bus.KeptReply
	if err := client.Call(ctx, c.Bus, "Kept", bus.Interest{Topics: []bus.Pattern{"prediction.failure"}}, &kept); err != nil {
		c.Say(fmt.Sprintf("which predictions were told before: %v; they stay", err))
	}
	for _, m := range kept.Messages {
		c.publisher.Withdraw(&bus.PredictionFailure{Prediction: m.Key})
	}
	return p
}

// fold takes what has become of a unit. Group is its cgroup, where it is up.
func (p *predicting) fold(c profiles.Change, u *plan.Unit, group string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.units[c.Unit]
	if f == nil {
		f = &foreseen{}
		p.units[c.Unit] = f
	}
	if u != nil {
		f.unit = u
	}
	f.group = group
	switch c.Active {
	case "active", "reloading":
		if c.Up > 0 && c.Begun > 0 && c.Begun <= c.Up {
			s := predict.Start{Unit: c.Unit, Begun: c.Begun, Up: c.Up, Automatic: c.Restarts > 0}
			if f.unit != nil && f.unit.Service.TimeoutStart != plan.Infinity {
				s.Most = f.unit.Service.TimeoutStart
			}
			p.tell(p.book.Started(s))
		}
	case "inactive", "failed":
		p.tell(p.book.Stopped(c.Unit, c.At, true))
	default:
		p.tell(p.book.Stopped(c.Unit, c.At, false))
	}
}

// forget drops a unit that is no more.
func (p *predicting) forget(unit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.units, unit)
	p.tell(p.book.Forget(unit, p.clock()))
}

// tell publishes and says what is new; it needs the lock.
func (p *predicting) tell(all []predict.Prediction) {
	for _, v := range all {
		if v.Over != "" {
			p.publisher.Withdraw(message(v, ""))
		} else {
			p.publisher.Publish(message(v, p.policy(v.Unit)))
		}
		p.Say(v.String())
	}
}

func (p *predicting) policy(unit string) plan.PredictedFailure {
	if f := p.units[unit]; f != nil && f.unit != nil && f.unit.Service != nil && f.unit.Service.PredictedFailure != "" {
		return f.unit.Service.PredictedFailure
	}
	return plan.PredictedReport
}

func message(v predict.Prediction, policy plan.PredictedFailure) *bus.PredictionFailure {
	return &bus.PredictionFailure{Prediction: v.Unit + " " + string(v.Kind), Unit: v.Unit, Kind: string(v.Kind), Probability: v.Confidence,
		At: v.At, Since: v.Since, Within: v.Expected, Soonest: v.Soonest, Latest: v.Latest, Limit: v.Limit, Value: v.Value, Most: v.Most,
		Grown: v.Grown, Cause: v.Basis, Policy: string(policy)}
}

// pass samples all units that are up, of which groups are the cgroups.
func (p *predicting) pass(ctx context.Context, groups map[string]string, read func(group, unit string) []predict.Reading) {
	p.mu.Lock()
	files := p.passes%filesEvery == 0
	p.passes++
	probed := map[string]*foreseen{}
	units := map[string]*plan.Unit{}
	for unit := range groups {
		if f := p.units[unit]; f != nil && f.unit != nil {
			units[unit] = f.unit
			if f.unit.Service.Health != nil {
				probed[unit] = f
			}
		}
	}
	p.mu.Unlock()
	for unit, group := range groups {
		all := read(group, unit)
		if u := units[unit]; files && u != nil {
			if r, ok := filesOf(u); ok {
				all = append(all, r)
			}
		}
		p.mu.Lock()
		p.tell(p.book.Sample(unit, p.clock(), all))
		p.mu.Unlock()
	}
	if len(probed) > 0 {
		p.probes(ctx, probed)
	}
	p.act(ctx)
}

// probes asks PID 1 how long the last health probes took.
func (p *predicting) probes(ctx context.Context, of map[string]*foreseen) {
	ctx, cancel := context.WithTimeout(ctx, answerMost)
	defer cancel()
	conn, err := pid1.Dial(ctx, p.control)
	if err != nil {
		return // it is asked again
	}
	defer conn.Close()
	for unit, f := range of {
		var r control.StatusReply
		if err := conn.Call(ctx, "Status", control.UnitArgs{Unit: unit}, &r); err != nil || len(r.Units) != 1 {
			continue // it is gone
		}
		v, h := r.Units[0], f.unit.Service.Health
		p.mu.Lock()
		if v.Probed > f.probed {
			f.probed = v.Probed
			p.tell(p.book.Probed(predict.Probe{Unit: unit, At: v.Probed, Took: v.ProbeTook, Most: h.Timeout, Failed: v.ProbesBad, Failures: h.Failures, Interval: h.Interval}))
		}
		p.mu.Unlock()
	}
}

// act does what the policies of units that are likely to fail say.
func (p *predicting) act(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	quiet := sync.OnceValue(isQuiet)
	for _, v := range p.book.Predicted() {
		f := p.units[v.Unit]
		if f == nil || f.acting || p.policy(v.Unit) == plan.PredictedReport {
			continue
		}
		s := predict.Situation{Policy: p.policy(v.Unit), Prediction: v, Now: p.clock(), Reclaimed: f.reclaimed, Restarted: f.restarted, Quiet: quiet()}
		what, why := predict.Decide(s)
		switch what {
		case "":
			continue
		case predict.Reclaim:
			f.reclaimed = s.Now
		case predict.Restart:
			f.restarted = s.Now
		}
		f.acting = true
		p.Say(fmt.Sprintf("%s: %s, since %s", v.Unit, what, why))
		group := f.group
		p.acts.Go(func() {
			outcome := p.perform(ctx, what, v, group)
			p.Say(fmt.Sprintf("%s: %s: %s", v.Unit, what, outcome))
			p.publisher.Publish(&bus.PredictionAct{Unit: v.Unit, Kind: string(v.Kind), Act: string(what), At: s.Now, Reason: why, Outcome: outcome})
			p.mu.Lock()
			f.acting = false
			p.mu.Unlock()
		})
	}
}

// performMost bounds a restart with all that depends on it.
const performMost = 10 * time.Minute

// perform gives what came of an act.
func (p *predicting) perform(ctx context.Context, what predict.Act, v predict.Prediction, group string) string {
	if what == predict.Reclaim {
		freed, err := reclaim(path.Join(cgroups, group), uint64(v.Grown))
		if err != nil {
			return err.Error()
		}
		return predict.Memory.Amount(float64(freed)) + " were reclaimed"
	}
	ctx, cancel := context.WithTimeout(ctx, performMost)
	defer cancel()
	conn, err := pid1.Dial(ctx, p.control)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	var r control.ChangeReply
	if err := conn.Call(ctx, "Change", control.ChangeArgs{Verb: supervisor.VerbRestart, Unit: v.Unit, Users: true}, &r); err != nil {
		return fmt.Sprintf("restart %s: %v", v.Unit, err)
	}
	if r.Message != "" {
		return string(r.Outcome) + ": " + r.Message
	}
	return string(r.Outcome)
}

// owned says which folders a unit has for itself that last.
func owned(u *plan.Unit) (out []string) {
	for _, d := range u.Service.Process.Directories {
		if slices.Contains([]string{"state", "cache", "logs"}, d.Kind) {
			out = append(out, d.Path)
		}
	}
	return out
}
