package learn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"clarityos/learn/graph"
	"clarityos/learn/profiles"
	"clarityos/learn/status"
	"clarityos/learn/trial"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

// graphing keeps what boots have shown of who needs whom.
type graphing struct {
	path  string
	files trial.Files
	obey  func() error
	width int
	after map[string][]string // what is declared: the units that each one starts after
	own   map[string]bool     // parts of ClarityOS, whose needs are known

	disk   sync.Mutex // of the file; taken before the other one
	mu     sync.Mutex // of all that follows
	book   *graph.Book
	notice string // what is wrong with the file
	dirty  bool

	decided bool   // what the next boot is started by has been written; with disk
	order   []byte // … it is this; nil is nothing
}

// newGraphing reads what was learned before this boot.
func newGraphing(cfg Config, boot string) *graphing {
	g := &graphing{path: cfg.Graph, files: cfg.Order, obey: cfg.Obey, width: width(), after: map[string][]string{}, own: map[string]bool{}}
	for _, u := range cfg.Plan.Units {
		g.after[u.Name] = u.After
		g.own[u.Name] = u.Service != nil && u.Service.Component != ""
	}
	var err error
	path := g.path
	if _, none := os.Lstat(path); errors.Is(none, fs.ErrNotExist) {
		path = trial.BakedGraph
	}
	if g.book, err = graph.Load(path); err != nil {
		g.notice = err.Error()
		cfg.Say(g.notice)
	}
	ordered, incomplete := g.files.Tried()
	g.book.InBoot(boot, ordered, incomplete)
	g.book.On(g.files.Kind)
	return g
}

// checkEvery is how many boots there are from one that is seen from its first moment all
// the same to the next.
const checkEvery = 8

// confirmed says whether the services of this boot need not wait for the hooks.
func (g *graphing) confirmed() bool {
	m := g.book.Before
	return g.book.Boot.Ordered && m.Same >= graph.Agreed && m.Boots%checkEvery != 0 && !g.files.Training()
}

// change has f change what is known of this boot.
func (g *graphing) change(f func(*graph.Boot)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g.book.Boot)
	g.dirty = true
}

// follow takes the uses of this boot from the bus, which has kept what an earlier reader
// told, until ctx ends.
func (g *graphing) follow(ctx context.Context, path string) {
	_ = client.Follow(ctx, path, bus.Interest{Topics: []bus.Pattern{"dependency.use"}}, nil, func(d bus.Delivery) error {
		for _, m := range d.Messages {
			if b, err := bus.Decode(m); err == nil {
				g.use(b.(*bus.DependencyUse))
			}
		}
		return nil
	}) // it ends with ctx
}

// use takes a use.
func (g *graphing) use(u *bus.DependencyUse) {
	if g.own[u.Unit] || g.own[u.On] {
		return
	}
	g.change(func(b *graph.Boot) {
		b.Use(graph.Use{Unit: u.Unit, On: u.On, Kind: u.Kind, Object: u.Object, Start: u.Phase == "start", Failed: u.Failed, At: u.At, Made: u.Made})
	})
}

// fold takes what has become of a unit.
func (g *graphing) fold(c profiles.Change) {
	if g.own[c.Unit] {
		return
	}
	g.change(func(b *graph.Boot) {
		if c.Up > 0 && c.Begun > 0 && c.Begun <= c.Up {
			b.Started(graph.Start{Unit: c.Unit, Begun: c.Begun, Ready: c.Up, Restarts: c.Restarts})
		}
		if c.Identity != (profiles.Identity{}) {
			b.Identified(c.Unit, c.Identity.String())
		}
		if c.Active == "failed" {
			b.Failed(c.Unit, c.At)
		}
	})
}

// answer answers requests until ctx ends.
func (g *graphing) answer(ctx context.Context, path string) {
	client.Attend(ctx, path, []bus.Pattern{status.GraphTopic}, nil, func(t bus.Task) (any, error) { return g.reply(t.Body) })
}

func (g *graphing) reply(body json.RawMessage) (any, error) {
	var q status.GraphRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("a request about what was learned: %w", err)
	}
	r, err := g.take(q)
	if err == nil && (q.Say != nil || q.Forget != nil) {
		err = g.save()
	}
	return r, err
}

// take carries out a request, but for the file.
func (g *graphing) take(q status.GraphRequest) (r status.GraphReply, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case q.Say != nil:
		g.dirty, err = true, g.book.Say(q.Say.Pair, q.Say.Said)
		return r, err
	case q.Forget != nil:
		g.dirty, r.Forgotten = true, g.book.Forget(*q.Forget)
		return r, nil
	case q.Before:
		r = status.GraphOf(g.book.Before, g.after, q.After)
	default:
		r = status.GraphOf(g.book.Now(), g.after, q.After)
	}
	r.Notice = g.notice
	tried := g.book.Tried()
	r.Ordered, r.Off, r.OffWhy = g.book.Boot.Ordered, tried.Off, tried.Why
	r.Latest, r.Complete = tried.Latest, g.book.Boot.Took > 0
	return r, nil
}

// early says whether the boot may still show much, so that it is to be written soon.
func (g *graphing) early() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.book.Boot.Took > 0 && !g.book.Boot.Settled(bootTime()-2*profiles.Window)
}

// save writes what was learned when that has changed, for the next boot, and has PID 1 go
// by it.
func (g *graphing) save() error {
	g.disk.Lock()
	defer g.disk.Unlock()
	g.mu.Lock()
	dirty, complete := g.dirty, g.book.Boot.Took > 0
	var file, order []byte
	var err error
	if dirty {
		file, err = g.book.Encode()
		g.dirty = false
	}
	if dirty && err == nil && complete && g.book.Tried().Use() {
		o := g.book.Order(g.after)
		o.Width = g.width
		order, err = o.Encode()
	}
	g.mu.Unlock()
	if dirty && err == nil {
		err = graph.Save(g.path, file)
	}
	if dirty && err == nil && complete && !(g.decided && bytes.Equal(order, g.order)) {
		if err = g.files.Complete(order); err == nil && order != nil {
			err = errors.Join(g.files.Give(order), g.obey())
		}
		if err == nil {
			g.decided, g.order = true, order
		}
	}
	if err != nil {
		g.mu.Lock()
		g.dirty = true
		g.mu.Unlock()
	}
	return err
}
