package learn

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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
	for _, h := range held {
		c.publish(c.picture.Holds(h.Unit, resolved(h.Endpoint), 0))
	}
	return nil
}

// poll looks up sockets until ctx ends.
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
