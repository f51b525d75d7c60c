package backup

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"clarityos/update/backup/index"
	"clarityos/update/durable"
)

// Request is what is to be backed up.
type Request struct {
	Cause   index.Cause
	Version string       // of the release for which it is made
	Schema  uint32       // of what lies at the paths
	Paths   []index.Path // absolute, clean, without symbolic links in front of their last part, none below another one
	Time    time.Time    // now
}

// Make backs up. With an error there is no new backup, and the room that it took is free
// again. What is given is on the disk; it was not read back: see Verify.
func Make(ctx context.Context, dir string, r Request) (index.Info, error) {
	info, err := makeBackup(ctx, dir, r)
	if err != nil {
		return info, fmt.Errorf("back up %s: %w", texts(r.Paths), err)
	}
	return info, nil
}

func makeBackup(ctx context.Context, dir string, r Request) (info index.Info, err error) {
	s, err := openStore(dir)
	if err != nil {
		return info, err
	}
	defer s.close()
	all, err := ids(dir)
	if err != nil {
		return info, err
	}
	h := index.Header{Format: index.Format, Time: r.Time.UTC().Truncate(time.Second), Cause: r.Cause, Version: r.Version, Schema: r.Schema, Paths: r.Paths}
	if h.ID, err = newID(all); err != nil {
		return info, err
	}
	next := filepath.Join(dir, "index", "new")
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return info, err
	}
	defer func() { // what has failed leaves its room to others
		if err != nil {
			if gone := os.Remove(s.path("index", h.ID)); !errors.Is(gone, os.ErrNotExist) {
				err = errors.Join(err, gone)
			}
			err = errors.Join(err, s.sweep())
		}
	}()
	info, err = s.fill(ctx, f, h)
	if err = cmp.Or(err, s.sync()); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return info, err
	}
	// From the rename on it is a backup.
	if err := os.Rename(next, s.path("index", h.ID)); err != nil {
		return info, err
	}
	return info, durable.SyncDir(filepath.Join(dir, "index"))
}

// fill writes chunks and index.
func (s *store) fill(ctx context.Context, f *os.File, h index.Header) (index.Info, error) {
	buffered := bufio.NewWriter(f)
	out, err := index.NewWriter(buffered, h)
	if err != nil {
		return index.Info{}, err
	}
	for i, p := range h.Paths {
		w := walk{ctx: ctx, store: s, out: out, path: i, seen: map[inode]index.Name{}}
		if err := w.top(p); err != nil {
			return index.Info{}, err
		}
	}
	info, err := out.Close()
	return info, cmp.Or(err, buffered.Flush())
}
