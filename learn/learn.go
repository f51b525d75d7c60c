package learn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"clarityos/learn/acts"
	"clarityos/learn/figures"
	"clarityos/learn/graph"
	"clarityos/learn/observe"
	"clarityos/learn/status"
	"clarityos/learn/trial"
	"clarityos/learn/uses"
	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/discovery"
	"clarityos/services/plan"
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
	// Graph is the file of who needs whom, likewise.
	Graph string
	// Order are the files of what the next boot is started by.
	Order trial.Files
	// Obey has PID 1 go by the order that lies where it reads it.
	Obey func() error
	// Plan is what is declared.
	Plan *plan.Plan
	// Confirmed says that boots are learned of well enough not to wait for the hooks,
	// whatever was learned.
	Confirmed bool
	// Discovery is the folder of the files by which units find each other.
	Discovery string
	// Booted waits until the boot is complete, for a bounded time.
	Booted func(context.Context) error
	// Load has another process load the programs, since that needs much memory.
	Load func(context.Context) error
}

// component is one process's work.
type component struct {
	Config
	sockets   map[string]Socket // that PID 1 holds for services, by their unit
	silent    map[string]bool   // services that never say when they are ready
	boot      string            // which one this is, as the kernel has it
	began     time.Time
	graph     *graphing
	mounts    mountTable
	publisher *client.Publisher
	reader    figures.Reader
	dbus      dbusWatch
	known     chan struct{} // closed when it is known which units are ready
	told      sync.Once

	mu      sync.Mutex // of all that follows
	picture *uses.Picture
	acts    acts.Book
	polled  map[observe.Endpoint]bool // where somebody listened when that was looked up last
	booting bool                      // the system's state was told
	status  status.Status
	hooks   *observe.Reader // nil: there are none yet, or never

	// How many sights were lost when that was last made good: names' and all; when it may
	// be made good again, and when it is to be looked at. Theirs who reads.
	named, lost uint64
	rested, due time.Time
}

// Run observes until ctx ends. Ready is called when the hooks are live, or it is
// clear that there will be none; of a boot that is confirmed at once, and the hooks are
// loaded when it is complete.
func Run(ctx context.Context, cfg Config, ready func() error) error {
	debug.SetMemoryLimit(memory)
	c := &component{Config: cfg, began: time.Now(), publisher: client.NewPublisher(cfg.Bus, func(err error) { cfg.Say(err.Error()) }), known: make(chan struct{})}
	c.picture = uses.New(isLocal)
	c.reader = figures.Reader{Cgroups: os.DirFS(cgroups), Proc: os.DirFS("/proc"), PageSize: uint64(os.Getpagesize())}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		cfg.Say(fmt.Sprintf("which boot is this: %v; starts may count twice", err))
	}
	c.boot = strings.TrimSpace(string(boot))
	c.graph = newGraphing(cfg, c.boot)
	c.Confirmed = cfg.Confirmed || c.graph.confirmed()
	c.sockets, c.silent = socketsOf(cfg.Plan), silent(cfg.Plan)
	c.dbus = c.watchDBus()
	live := c.open() == nil       // the programs, with an earlier reader: they have seen what was before
	later := !live && c.Confirmed // are they loaded: services want the seconds that it takes
	switch {
	case live:
		c.fallBackForListeners()
		err = errors.Join(c.names(), c.lookUp())
	case !later:
		err = c.begin(ctx)
		c.graph.change(func(b *graph.Boot) { b.Whole = c.hooks != nil })
	}
	if err = errors.Join(err, ready()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	all.Go(func() { c.publisher.Run(ctx) })
	all.Go(func() { c.followUnits(ctx) })
	all.Go(func() { c.profile(ctx) })
	all.Go(func() { c.followAddresses(ctx) })
	all.Go(func() { discovery.Keep(ctx, cfg.Bus, cfg.Discovery, cfg.Say) })
	all.Go(func() { c.dbus.Run(ctx, c.dbus.changed) })
	all.Go(func() {
		client.Attend(ctx, cfg.Bus, []bus.Pattern{status.Topic}, nil, func(bus.Task) (any, error) { return c.now() })
	})
	all.Go(func() { c.answerActs(ctx) })
	all.Go(func() { c.graph.answer(ctx, cfg.Bus) })
	all.Go(func() { c.graph.follow(ctx, cfg.Bus) })
	if later {
		if c.untilBooted(ctx); ctx.Err() != nil {
			return nil
		}
		if err := c.begin(ctx); err != nil {
			return err
		}
	}
	if c.hooks == nil {
		return c.poll(ctx)
	}
	if c.status.Fallback != "" {
		all.Go(func() {
			if err := c.poll(ctx); err != nil {
				cfg.Say(err.Error())
			}
		})
	}
	stop := context.AfterFunc(ctx, func() { c.hooks.Close() })
	defer stop()
	return c.read(ctx)
}

// begin has the programs loaded, and fills in what was before they were live.
func (c *component) begin(ctx context.Context) error {
	err := c.Load(ctx)
	if err == nil {
		err = c.open()
	}
	if err != nil {
		c.fallBack(err.Error())
	}
	c.fallBackForListeners()
	if err := errors.Join(c.names(), c.lookUp()); err != nil || c.hooks == nil {
		return err
	}
	if err := c.connections(); err != nil {
		c.Say(err.Error())
	}
	return nil
}

// fallBackForListeners falls back where a hook for those who listen is missing.
func (c *component) fallBackForListeners() {
	for _, name := range observe.Listeners {
		if why, missing := c.status.Hooks.Missing[name]; missing {
			c.fallBack(name + ": " + why)
		}
	}
}

// fallBack says why sockets are looked up.
func (c *component) fallBack(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Fallback = fmt.Sprintf("%s; sockets are looked up every %v", why, pollEvery)
	c.Say(c.status.Fallback)
}

// open opens what the programs tell.
func (c *component) open() error {
	live, recorded := observe.Attached(c.Record)
	if !recorded {
		return errors.New("there is no record of the observer's programs")
	}
	reader, err := observe.Open(c.Pins)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks, c.status.Hooks, c.status.Fallback, c.polled = reader, live, "", nil
	return nil
}

// programs gives what reads them, nil where there are none.
func (c *component) programs() *observe.Reader {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hooks
}

// publish needs the lock.
func (c *component) publish(all []bus.Body) {
	for _, b := range all {
		switch b := b.(type) {
		case uses.Gone:
			c.publisher.Withdraw(b.Body)
			continue
		case *bus.DependencyUse:
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
	known, pace, pause := folders{}, pace{}, time.Duration(0)
	for {
		s, err := c.hooks.Next(c.due)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		switch {
		case ctx.Err() != nil:
			return nil
		case late:
		case err != nil:
			return err
		default:
			if err := c.meet(s); err != nil {
				c.Say(err.Error())
			}
			s.Endpoint = known.resolved(s.Endpoint)
			c.see(s)
			c.meets(s)
			pause = pace.take(time.Now())
		}
		if !late && !c.hooks.Drained() {
			continue
		}
		clear(known)
		if err := c.catchUp(); err != nil {
			c.Say(err.Error())
		}
		time.Sleep(pause)
	}
}

func (c *component) see(s observe.Sight) {
	if s.Kind == observe.Use {
		s.Path = c.mounts.path(s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if unit := c.picture.Starting(s.Cgroup); unit != "" {
		s.Busy = c.busy(unit)
	}
	c.publish(c.picture.See(s))
	c.acts.See(c.picture.Unit(s.Cgroup), c.picture.Unit(s.Peer), s)
}

// busy is as in observe.Sight. It needs the lock.
func (c *component) busy(unit string) time.Duration {
	group := c.picture.Group(unit)
	if group == "" {
		return 0
	}
	return c.reader.Busy(strings.TrimPrefix(group, "/"))
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
	active, since := "inactive", bootTime() // of one that is gone
	if b, err := bus.Decode(m); err == nil {
		u := b.(*bus.UnitState)
		active, since = u.Active, u.Since
	}
	c.dbus.unit(m.Key, active)
	switch active {
	case "active", "reloading":
		if c.silent[m.Key] {
			c.picture.Started(m.Key, since, c.busy(m.Key))
		} else {
			c.picture.Ready(m.Key, since)
		}
		for _, e := range c.sockets[m.Key].Endpoints {
			c.publish(c.picture.Held(m.Key, c.sockets[m.Key].Service, resolved(e), since))
		}
	case "inactive", "failed":
		c.publish(c.picture.Down(m.Key, since))
	default:
		c.picture.NotReady(m.Key)
	}
}

func (c *component) now() (status.Status, error) {
	names := c.dbus.state() // before the lock, which it may wait for
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.status
	st.DBus = names
	if c.hooks != nil {
		var err error
		if st.Counts, err = c.hooks.Counts(); err != nil {
			return st, err
		}
		if st.Fill, err = c.hooks.Fill(); err != nil {
			return st, err
		}
	}
	st.Endpoints, st.Dropped, st.Unsent = c.picture.Endpoints(), c.picture.Dropped+c.acts.Dropped, c.publisher.Queued()
	if len(st.Endpoints) > status.MaxEndpoints {
		st.Endpoints = st.Endpoints[:status.MaxEndpoints]
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return st, err
	}
	st.CPU, st.Up, st.Memory = time.Duration(used.Utime.Nano()+used.Stime.Nano()), time.Since(c.began), ownMemory()
	return st, nil
}

// ownMemory is the proportional set size of this process, in bytes; 0 when the
// kernel does not say.
func ownMemory() uint64 {
	raw, _ := os.ReadFile("/proc/self/smaps_rollup")
	_, after, _ := strings.Cut(string(raw), "\nPss:")
	var kB uint64
	_, _ = fmt.Sscanf(after, "%d kB", &kB)
	return kB << 10
}
