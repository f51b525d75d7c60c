package learn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"clarityos/learn/observe"
	"clarityos/learn/profiles"
	"clarityos/learn/sockets"
	"clarityos/learn/status"
	"clarityos/learn/uses"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/discovery"
)

const (
	// pollEvery is how often sockets are looked up where there are no hooks.
	pollEvery = 2 * time.Second
	// knownLimit is how long sights wait for the states of units.
	knownLimit = 10 * time.Second
	// memory is a soft limit, several times what is in use.
	memory  = 16 << 20
	cgroups = "/sys/fs/cgroup"
)

// Config says what the component works with.
type Config struct {
	Bus    string // its socket
	Pins   string // the folder of programs and maps on bpffs
	Record string // the file that says which hooks are live
	Say    func(string)
	// Profiles is the file of units' profiles, whose folder need not be there.
	Profiles string
	// Discovery is the folder of the files by which units find each other.
	Discovery string
	// Counters gives what a unit's present run has used so far of what its cgroup does
	// not count: opened, sockets, wakeups, cache-added, received, sent. nil: not known.
	Counters func(unit string) map[profiles.Measure]float64
	// Load has another process load the programs, since that needs much memory.
	Load func(context.Context) error
}

// component is one process's work.
type component struct {
	Config
	publisher *client.Publisher
	known     chan struct{} // closed when it is known which units are ready
	told      sync.Once

	mu      sync.Mutex // of all that follows
	picture *uses.Picture
	booting bool // the system's state was told
	status  status.Status
	reader  *observe.Reader // nil: no hooks
}

// Run observes until ctx ends. Ready is called when the hooks are live, or it is
// clear that there will be none.
func Run(ctx context.Context, cfg Config, ready func() error) error {
	debug.SetMemoryLimit(memory)
	c := &component{Config: cfg, publisher: client.NewPublisher(cfg.Bus, func(err error) { cfg.Say(err.Error()) }), known: make(chan struct{})}
	c.picture = uses.New(isLocal)
	if err := c.attach(ctx); err != nil {
		c.status.Fallback = fmt.Sprintf("%v; sockets are looked up every %v", err, pollEvery)
		cfg.Say(c.status.Fallback)
	}
	if err := errors.Join(c.names(), c.lookUp()); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { c.publisher.Run(ctx) })
	all.Go(func() { c.followUnits(ctx) })
	all.Go(func() { c.profile(ctx) })
	all.Go(func() { discovery.Keep(ctx, cfg.Bus, cfg.Discovery, cfg.Say) })
	all.Go(func() {
		client.Attend(ctx, cfg.Bus, []bus.Pattern{status.Topic}, nil, func(bus.Task) (any, error) { return c.now() })
	})
	if c.reader == nil {
		return c.poll(ctx)
	}
	stop := context.AfterFunc(ctx, func() { c.reader.Close() })
	defer stop()
	return c.read(ctx)
}

// attach opens what the programs tell, and has them loaded where they are not.
func (c *component) attach(ctx context.Context) error {
	if c.open() == nil {
		return nil
	}
	if err := c.Load(ctx); err != nil {
		return err
	}
	return c.open()
}

func (c *component) open() (err error) {
	hooks, live := observe.Attached(c.Record)
	if !live {
		return errors.New("there is no record of the observer's programs")
	}
	if c.reader, err = observe.Open(c.Pins); err != nil {
		return err
	}
	c.status.Hooks = hooks
	return nil
}

// names learns the ids of the cgroups that there are. Those to come are told by a
// hook.
func (c *component) names() error {
	return filepath.WalkDir(cgroups, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // it was removed meanwhile
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				c.picture.Named(st.Ino, strings.TrimPrefix(path, cgroups)) // a cgroup's id is its inode: kernfs
			}
		}
		return nil
	})
}

// lookUp fills in who listens where without having been seen to begin.
func (c *component) lookUp() error {
	held, err := sockets.Listening(os.DirFS("/proc"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range held {
		c.publish(c.picture.Holds(h.Unit, h.Endpoint, 0))
	}
	return nil
}

// publish needs the lock.
func (c *component) publish(all []bus.Body) {
	for _, b := range all {
		if _, ok := b.(*bus.DependencyUse); ok {
			c.status.Uses++
		}
		c.publisher.Publish(b)
	}
}

// read folds what the programs tell. It begins when it is known which units were
// ready before: until then the ring holds it.
func (c *component) read(ctx context.Context) error {
	select {
	case <-c.known:
	case <-time.After(knownLimit):
		c.Say(fmt.Sprintf("the bus has not said within %v which units are ready; uses count as those of starts until it does", knownLimit))
	case <-ctx.Done():
	}
	for {
		s, err := c.reader.Next()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		c.mu.Lock()
		c.publish(c.picture.See(s))
		c.mu.Unlock()
	}
}

func (c *component) poll(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := c.lookUp(); err != nil {
				return err
			}
		}
	}
}

// followUnits learns which units are ready, and which are down.
func (c *component) followUnits(ctx context.Context) {
	_ = client.Follow(ctx, c.Bus, bus.Interest{Topics: []bus.Pattern{"unit.state", "boot.state"}}, nil, func(d bus.Delivery) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, m := range d.Messages {
			if m.Topic == "unit.state" {
				c.unit(m)
			} else {
				c.booting = true // what PID 1 publishes behind the units' states
			}
		}
		if c.booting && len(d.Messages) < bus.MaxBatch {
			c.told.Do(func() { close(c.known) })
		}
		return nil
	}) // it ends with ctx
}

// unit takes a message of unit.state; it needs the lock.
func (c *component) unit(m bus.Message) {
	active := "inactive" // of one that is gone
	var since time.Duration
	if b, err := bus.Decode(m); err == nil {
		u := b.(*bus.UnitState)
		active, since = u.Active, u.Since
	}
	switch active {
	case "active", "reloading":
		c.picture.Ready(m.Key, since)
	case "inactive", "failed":
		for _, gone := range c.picture.Down(m.Key) {
			c.publisher.Send(gone)
		}
	default:
		c.picture.NotReady(m.Key)
	}
}

func (c *component) now() (status.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.status
	if c.reader != nil {
		var err error
		if st.Counts, err = c.reader.Counts(); err != nil {
			return st, err
		}
	}
	st.Endpoints, st.Dropped, st.Unsent = c.picture.Endpoints(), c.picture.Dropped, c.publisher.Queued()
	if len(st.Endpoints) > status.MaxEndpoints {
		st.Endpoints = st.Endpoints[:status.MaxEndpoints]
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return st, err
	}
	st.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return st, nil
}

// isLocal says whether an address is one of this machine's interfaces'.
func isLocal(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, i := range all {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr() == a {
			return true
		}
	}
	return false
}
