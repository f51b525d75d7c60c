package learn

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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
			c.picture.Named(cgroupID(info), strings.TrimPrefix(path, cgroups))
		}
		return nil
	})
}

// cgroupID is the inode of a cgroup's folder (kernfs).
func cgroupID(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// lookUp fills in who listens where without having been seen to begin.
func (c *component) lookUp() error {
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
		c.publish(c.picture.Holds(h.Unit, e, 0))
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
