package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"golang.org/x/sys/unix"

	"clarityos/update/trust"
)

// Repo is a repository in a folder, and the keys by which it is changed. Each method is
// one change, and waits for another process's to be over; a change that fails leaves what
// clients read as it was.
type Repo struct {
	dir   string
	keys  Keys
	write func(path string, text []byte) error // write, save in tests
}

// Open returns the repository in a folder, which Init or another machine has made.
func Open(dir string, keys Keys) (*Repo, error) {
	for _, sub := range []string{"metadata", "pending"} {
		if there, err := exists(filepath.Join(dir, sub)); err != nil {
			return nil, fmt.Errorf("open repository %s: %w", dir, err)
		} else if there {
			return &Repo{dir, keys, write}, nil
		}
	}
	return nil, fmt.Errorf("%s is no repository; `clarity repo init` makes one", dir)
}

// Target is a file to offer. Its name is as trust.CheckTargetName wants it.
type Target struct {
	Name  string
	Bytes []byte
}

// Add offers targets, in the place of those of the same names, and offers those of the
// names in remove no more. It needs the keys of targets, snapshot and timestamp. The
// files of what is no longer offered stay, for clients that have read older metadata, until
// Prune deletes them.
func (r *Repo) Add(ctx context.Context, add []Target, remove []string, now time.Time) error {
	return r.change(func(s state) error {
		e, err := r.issue(s, s.root, s.root, now, func(m *targetsMeta) (bool, error) { return edit(m, add, remove) })
		if err != nil {
			return err
		}
		for _, t := range add {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := r.write(filepath.Join(r.dir, describe(t).Path()), t.Bytes); err != nil {
				return err
			}
		}
		return r.publish(e)
	})
}

// Refresh makes a new timestamp and a new snapshot, and new targets metadata if less
// than half of its time is left.
func (r *Repo) Refresh(now time.Time) error {
	return r.change(func(s state) error {
		e, err := r.issue(s, s.root, s.root, now, nil)
		if err != nil {
			return err
		}
		return r.publish(e)
	})
}

// edit changes what is offered, and says whether that is any change.
func edit(m *targetsMeta, add []Target, remove []string) (bool, error) {
	all := m.Signed.Targets
	for _, name := range remove {
		if all[name] == nil {
			return false, fmt.Errorf("target %s is not offered, so it cannot be removed", name)
		}
		delete(all, name)
	}
	changed := len(remove) > 0
	for _, t := range add {
		if err := trust.CheckTargetName(t.Name); err != nil {
			return false, err
		}
		sum := sha256.Sum256(t.Bytes)
		next := metadata.TargetFiles{Length: int64(len(t.Bytes)), Hashes: metadata.Hashes{"sha256": sum[:]}, Path: t.Name}
		if old := all[t.Name]; old != nil && old.Equal(next) {
			continue
		}
		all[t.Name], changed = &next, true
	}
	return changed, nil
}

func describe(t Target) trust.Target {
	sum := sha256.Sum256(t.Bytes)
	return trust.Target{Name: t.Name, Length: int64(len(t.Bytes)), SHA256: hex.EncodeToString(sum[:])}
}

// change does something with the state of a published repository.
func (r *Repo) change(do func(state) error) error {
	return r.locked(func(s state) error {
		if s.root == nil {
			return fmt.Errorf("repository %s is not published yet: its first root waits for signatures; `clarity repo sign` adds them", r.dir)
		}
		return do(s)
	})
}

// locked does something while no other process that locks does.
func (r *Repo) locked(do func(state) error) error {
	d, err := os.Open(r.dir)
	if err != nil {
		return fmt.Errorf("lock repository: %w", err)
	}
	defer d.Close() // and with it the lock
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock repository %s: %w", r.dir, err)
	}
	s, err := load(r.dir)
	if err != nil {
		return err
	}
	return do(s)
}
