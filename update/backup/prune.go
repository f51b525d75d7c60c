package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"clarityos/update/backup/index"
	"clarityos/update/durable"
)

// Policy is which backups stay: those that any of its rules keeps, and the newest one that was
// verified.
type Policy struct {
	Keep   int           // so many of the newest
	For    time.Duration // what is not older
	Pinned []string      // ids
}

// Old gives the ids of those of all backups, the oldest first, that a policy does not keep.
// One with a problem is kept as long as its number is among the newest, or it is pinned: its
// age is not known.
func (p Policy) Old(all []index.Info, now time.Time) (out []string) {
	verified := ""
	for _, i := range all {
		if i.Verified {
			verified = i.ID
		}
	}
	for n, i := range all {
		young := p.For > 0 && i.Problem == "" && now.Sub(i.Time) <= p.For
		if n < len(all)-p.Keep && !young && i.ID != verified && !slices.Contains(p.Pinned, i.ID) {
			out = append(out, i.ID)
		}
	}
	return out
}

// Prune removes the backups that a policy does not keep, whose ids it gives, and chunks of
// none. As long as an index cannot be read no chunk is removed, and that is an error.
func Prune(dir string, p Policy, now time.Time) (gone []string, err error) {
	s, err := openStore(dir)
	if err == nil {
		defer s.close()
		gone, err = s.prune(p, now)
	}
	if err != nil {
		return gone, fmt.Errorf("remove old backups: %w", err)
	}
	return gone, nil
}

func (s *store) prune(p Policy, now time.Time) (gone []string, err error) {
	all, err := List(s.dir)
	if err != nil {
		return nil, err
	}
	for _, id := range p.Old(all, now) {
		if err := os.Remove(s.path("index", id)); err != nil {
			return gone, err
		}
		gone = append(gone, id)
		if err := os.Remove(s.path("verified", id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return gone, err
		}
	}
	// No index may come back that lacks chunks.
	if err := durable.SyncDir(filepath.Join(s.dir, "index")); err != nil {
		return gone, err
	}
	return gone, s.sweep()
}

// sweep removes chunks that are in no backup, and what was never finished.
func (s *store) sweep() error {
	all, err := ids(s.dir)
	if err != nil {
		return err
	}
	used := map[index.Hash]bool{}
	for _, id := range all {
		if _, err := read(s.dir, id, index.Visitor{Chunk: func(c index.Chunk) error { used[c.Hash] = true; return nil }}); err != nil {
			return err
		}
	}
	for _, name := range []string{"index/new", "chunks/new"} {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	folders, err := os.ReadDir(filepath.Join(s.dir, "chunks"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		files, err := os.ReadDir(filepath.Join(s.dir, "chunks", folder.Name()))
		if err != nil {
			return err
		}
		for _, f := range files {
			var h index.Hash
			if h.UnmarshalText([]byte(f.Name())) == nil && used[h] {
				continue
			}
			if err := os.Remove(filepath.Join(s.dir, "chunks", folder.Name(), f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
