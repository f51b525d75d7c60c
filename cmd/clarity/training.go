package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/learn/graph"
	"clarityos/learn/train"
	"clarityos/learn/trial"
	"clarityos/qemu"
	"clarityos/services/control"
	"clarityos/services/plan"
	"clarityos/services/supervisor"
)

// Files of the learning component on the data disk.
const (
	guestGraph = "/var/lib/clarity/graph"
	guestOrder = "/var/lib/clarity/order"
)

// training is one run of clarity train.
type training struct {
	img    *images.Image
	flags  machineFlags
	boots  int
	settle time.Duration
	kill   bool
	say    func(format string, a ...any)

	m     *qemu.Machine
	after map[string][]string // what is declared: the units that each one starts after
	done  int                 // boots
}

func (t *training) run(ctx context.Context) (*trained, error) {
	if !t.img.Data {
		return nil, errors.New("it has no disk on which what is learned lasts; add [data] to its definition, and build it again")
	}
	folder, err := os.MkdirTemp("", "clarity-train-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if t.img.Baked != nil {
		if err := t.img.Bake("nothing", nil); err != nil {
			return nil, err
		}
	}
	r := &trained{Findings: []train.Finding{}, Killed: []string{}}
	if err := t.on(ctx, filepath.Join(folder, "learning")); err != nil {
		return nil, err
	}
	defer func() { t.m.Close() }()
	declared, err := t.observe(ctx, "as declared")
	if err != nil {
		return nil, err
	}
	if declared.Boot.Ordered {
		return nil, errors.New("its first boot was by an order that it has already; build it again")
	}
	r.Before = declared.Boot.Outcome().Took
	learned, err := t.again(ctx, nil, "by what that has taught")
	if err != nil {
		return nil, err
	}
	model, without := learned.Now(), learned.Boot
	if t.kill {
		if err := t.kills(ctx, model, r); err != nil {
			return nil, err
		}
	}
	for _, d := range train.Choose(model, t.boots-leastBoots) {
		order, err := d.Order(learned, t.after).Encode()
		if err != nil {
			return nil, err
		}
		with, err := t.again(ctx, order, fmt.Sprintf("with %s held back by %v", d.On, d.By.Round(time.Millisecond)))
		if err != nil {
			return nil, err
		}
		r.Findings = append(r.Findings, train.Judge(model, d, without, with.Boot)...)
	}
	r.Needs = model.Needs(t.after).Needs
	model.Same = max(model.Same, graph.Agreed) // a board need not wait for the hooks to see it again
	if err := t.bake(&graph.Book{Machine: learned.Machine, Before: model, Trials: learned.Tried(), Boot: graph.NewBoot("")}, len(r.Needs)); err != nil {
		return nil, err
	}
	if err := t.on(ctx, filepath.Join(folder, "new")); err != nil {
		return nil, err
	}
	fresh, err := t.observe(ctx, "as a new machine")
	if err != nil {
		return nil, err
	}
	if !fresh.Boot.Ordered {
		return nil, errors.New("the image has what was learned, and its first boot was not by it: " + t.m.Console().Tail(40))
	}
	r.After, r.Boots = fresh.Boot.Outcome().Took, t.done
	return r, nil
}

// on starts the image with a blank data disk.
func (t *training) on(ctx context.Context, disk string) error {
	if t.m != nil {
		t.m.CutPower()
		if err := t.m.Close(); err != nil {
			return err
		}
	}
	f := t.flags
	f.data = disk
	cfg, err := f.config(t.img)
	if err != nil {
		return err
	}
	if cfg.Disk == "" {
		return errors.New("what is learned needs a data disk: leave --no-data out")
	}
	cfg.AnyPorts, cfg.Flushless = true, true
	t.m, err = qemu.Start(ctx, cfg)
	return err
}

// again reboots the machine, by an order when that is not nil, and observes it.
func (t *training) again(ctx context.Context, order []byte, how string) (*graph.Book, error) {
	if order != nil {
		if err := t.m.PushBytes(ctx, guestOrder, 0o600, order); err != nil {
			return nil, err
		}
	}
	limited, cancel := context.WithTimeout(ctx, t.flags.timeout)
	defer cancel()
	if err := t.m.Reboot(limited); err != nil {
		return nil, err
	}
	return t.observe(ctx, how)
}

// observe waits until a boot is complete and nothing more belongs to it, and gives what
// it has shown. The learning component is stopped then, so that it leaves alone what the
// next boot is to be started by.
func (t *training) observe(ctx context.Context, how string) (*graph.Book, error) {
	t.done++
	var status exitStatus
	if err := complete(ctx, t.m, t.flags.timeout); err != nil && (!errors.As(err, &status) || status != bootDegraded) {
		return nil, fmt.Errorf("boot %d, %s: %w", t.done, how, err)
	}
	if err := t.declared(ctx); err != nil {
		return nil, err
	}
	if err := t.m.Await(ctx, t.settle+2*time.Minute, t.settled()); err != nil {
		return nil, fmt.Errorf("boot %d, %s: %w", t.done, how, err)
	}
	if res, err := t.m.Shell(ctx, "clarityctl stop clarity-learn"); err != nil || !res.OK() {
		return nil, fmt.Errorf("boot %d, %s: stop the learning component: %w %v; has the image learn = true?", t.done, how, err, res)
	}
	file, err := t.m.Fetch(ctx, guestGraph)
	if err != nil {
		return nil, fmt.Errorf("boot %d, %s: %w; has the image learn = true?", t.done, how, err)
	}
	b, err := graph.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("boot %d, %s: %s: %w", t.done, how, guestGraph, err)
	}
	if b.Boot.Took == 0 {
		return nil, fmt.Errorf("boot %d, %s: %s does not say when it was complete", t.done, how, guestGraph)
	}
	t.say("boot %d, %s: %v", t.done, how, b.Boot.Outcome().Took.Round(time.Millisecond))
	return b, nil
}

// settled holds once a boot is over for as long as services may still use what they need
// for the first time.
func (t *training) settled() qemu.Condition {
	return qemu.Eventually(fmt.Sprintf("the boot to be over for %v", t.settle), func(ctx context.Context) error {
		r, err := t.list(ctx)
		if err != nil {
			return err
		}
		if left := r.Summary.BootTime + t.settle - r.Now; left > 0 {
			return fmt.Errorf("%v are left", left.Round(time.Second))
		}
		res, err := t.m.Shell(ctx, "clarityctl graph --json")
		var g struct{ Complete bool }
		if err == nil && res.OK() {
			err = json.Unmarshal(res.Stdout, &g)
		}
		if err == nil && !g.Complete {
			err = fmt.Errorf("the learning component has not seen it; has the image learn = true? %s", res.Stderr)
		}
		return err
	})
}

// list asks for the state of all units.
func (t *training) list(ctx context.Context) (r control.StatusReply, err error) {
	res, err := t.m.Shell(ctx, "clarityctl list --json")
	if err == nil {
		err = json.Unmarshal(res.Stdout, &r)
	}
	if err != nil {
		return r, fmt.Errorf("ask for the units: %w", err)
	}
	return r, nil
}

// declared asks once what is declared.
func (t *training) declared(ctx context.Context) error {
	if t.after != nil {
		return nil
	}
	file, err := t.m.Fetch(ctx, plan.Path)
	if err != nil {
		return err
	}
	p, err := plan.Decode(file, t.img.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", plan.Path, err)
	}
	t.after = map[string][]string{}
	for _, u := range p.Units {
		t.after[u.Name] = u.After
	}
	return nil
}

// bake puts what was learned into the image.
func (t *training) bake(b *graph.Book, needs int) error {
	file, err := b.Encode()
	if err != nil {
		return err
	}
	order, err := b.Order(t.after).Encode()
	if err != nil {
		return err
	}
	return t.img.Bake(fmt.Sprintf("what %d boots have taught: %d needs", t.done, needs), map[string][]byte{trial.BakedGraph: file, trial.BakedOrder: order})
}

// soon is how long after a kill a failure is taken to follow from it.
const soon = 5 * time.Second

// kills ends each unit that others use, one after another, and sees which fail of it.
func (t *training) kills(ctx context.Context, m *graph.Model, r *trained) error {
	for _, on := range train.Kills(m) {
		before, err := t.units(ctx)
		if err != nil {
			return err
		}
		if before[on].Active != "active" || before[on].MainPID == 0 {
			continue
		}
		if res, err := t.m.Shell(ctx, "clarityctl kill -s KILL "+strconv.Quote(on)); err != nil || !res.OK() {
			return fmt.Errorf("kill %s: %w %v", on, err, res)
		}
		select { // what follows from it has to have followed by then
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(soon):
		}
		after, err := t.units(ctx)
		if err != nil {
			return err
		}
		fell, names := map[string]bool{}, []string{}
		for name, u := range after {
			if old := before[name]; name != on && old.Active == "active" && (u.Restarts > old.Restarts || u.Phase == supervisor.Failed || u.Phase == supervisor.Backoff) {
				fell[name] = true
			}
		}
		for p := range m.Edges {
			if p.On == on && fell[p.Unit] {
				names = append(names, p.Unit)
			}
		}
		train.Killed(m, on, fell)
		line := on + " was killed: none of its users failed"
		if len(names) > 0 {
			line = on + " was killed, and these failed: " + strings.Join(names, ", ")
		}
		r.Killed = append(r.Killed, line)
	}
	return nil
}

// units gives the state of each.
func (t *training) units(ctx context.Context) (map[string]supervisor.View, error) {
	r, err := t.list(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]supervisor.View{}
	for _, v := range r.Units {
		out[v.Name] = v
	}
	return out, nil
}
