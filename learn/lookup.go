package learn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"clarityos/learn/graph"
	"clarityos/learn/observe"
	"clarityos/learn/sockets"
)

// names learns the ids of the cgroups that there are. Those to come are told by a
// hook.
func (c *component) names() error {
	return filepath.WalkDir(cgroups, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // it was removed meanwhile
		}
		if info, err := d.Info(); err == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.picture.Named(cgroupID(info), strings.TrimPrefix(path, cgroups))
		}
		return nil
	})
}

// cgroupID is the inode of a cgroup's folder (kernfs).
func cgroupID(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// lookUp fills in who listens where without having been seen to begin.
func (c *component) lookUp() error {
	at := bootTime()
	held, err := sockets.Listening(os.DirFS("/proc"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := map[observe.Endpoint]bool{}
	for _, h := range held {
		e := resolved(h.Endpoint)
		now[e] = true
		c.publish(c.picture.Holds(h.Unit, e, 0, at))
	}
	for e := range c.polled {
		if !now[e] {
			c.publish(c.picture.Lost(e))
		}
	}
	if c.hooks == nil { // else these tell what is closed
		c.polled = now
	}
	return nil
}

// connections fills in who is connected to whom.
func (c *component) connections() error {
	local, diagErr := sockets.Diagnose()
	connected, err := sockets.Connected(os.DirFS("/proc"), local)
	if err != nil {
		return errors.Join(diagErr, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range connected {
		c.publish(c.picture.Calls(h.Unit, resolved(h.Endpoint), bootTime()))
	}
	return diagErr
}

// catchUp makes good what the ring had no room for, once it has room again: cgroups
// get their names, and sockets are looked up. Files that were made and not used yet
// are in the programs' own tables, and so lose nothing. It takes a small part of one
// processor, however often there is no room.
func (c *component) catchUp() error {
	c.due = time.Time{}
	lost, err := c.hooks.Lost()
	if err != nil || lost == c.lost {
		return err
	}
	began := time.Now()
	if began.Before(c.rested) {
		c.due = c.rested
		return nil
	}
	c.lost = lost
	c.graph.change(func(b *graph.Boot) { b.Whole = false })
	err = errors.Join(c.names(), c.lookUp(), c.connections())
	c.rested = time.Now().Add(lookShare * time.Since(began))
	return err
}

// meet learns the names of cgroups before a sight of one that has none is taken,
// where the ring may have had no room for them.
func (c *component) meet(s observe.Sight) error {
	c.mu.Lock()
	known := c.picture.Known(s.Cgroup) && c.picture.Known(s.Peer)
	c.mu.Unlock()
	if known || s.Kind == observe.Cgroup {
		return nil
	}
	lost, err := c.hooks.Lost()
	if err != nil || lost == c.named {
		return err
	}
	c.named = lost
	return c.names()
}

// poll looks up sockets until ctx ends. What is said of connections that cannot be
// diagnosed is said once.
func (c *component) poll(ctx context.Context) error {
	said := false
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
			if err := c.connections(); err != nil && !said {
				said = true
				c.Say(err.Error())
			}
		}
	}
}

// Before there are hooks sockets are looked up so often that who waits for a name waits
// little, and so seldom that it takes a small part of one processor.
const (
	bootEvery = 250 * time.Millisecond
	lookShare = 32 // a look-up is followed by a pause of so many times what it took
)

// untilBooted looks up sockets until the boot is complete.
func (c *component) untilBooted(ctx context.Context) {
	c.mu.Lock()
	c.status.Fallback = "the hooks are loaded when the boot is complete; sockets are looked up until then"
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		if err := c.Booted(ctx); err != nil && ctx.Err() == nil {
			c.Say(fmt.Sprintf("the hooks are loaded while the machine boots: %v", err))
		}
	}()
	for ctx.Err() == nil {
		began := time.Now()
		if err := c.lookUp(); err != nil {
			c.Say(err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(bootEvery, lookShare*time.Since(began))):
		}
	}
}
