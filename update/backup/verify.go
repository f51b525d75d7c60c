package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"clarityos/update/backup/index"
	"clarityos/update/durable"
)

// Verify reads all of a backup, and notes that it was right. The error says what is not: the
// index, or which chunk of which file. It wraps ErrCorrupt, chunks.ErrCorrupt, os.ErrNotExist
// of a chunk, or ErrNone.
func Verify(ctx context.Context, dir, id string) error {
	s, err := openStore(dir)
	if err != nil {
		return fmt.Errorf("verify backup %s: %w", id, err)
	}
	defer s.close()
	var where reading
	_, err = read(dir, id, index.Visitor{
		Header: where.header, Entry: where.entry,
		Chunk: func(c index.Chunk) error {
			if _, err := s.get(c.Hash, c.Size); err != nil {
				return fmt.Errorf("%s: %w", where.at(), err)
			}
			return ctx.Err()
		},
	})
	if err == nil {
		return durable.WriteFile(s.path("verified", id), nil, 0o600)
	}
	if ctx.Err() == nil && !errors.Is(err, ErrNone) {
		if gone := os.Remove(s.path("verified", id)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return fmt.Errorf("verify: %w", err)
}

// reading is how far an index was read.
type reading struct {
	head index.Header
	last index.Entry
}

func (r *reading) header(h index.Header) error { r.head = h; return nil }
func (r *reading) entry(e index.Entry) error   { r.last = e; return nil }

// at is where the latest entry lay.
func (r *reading) at() string {
	return path.Join(string(r.head.Paths[r.last.Path]), string(r.last.Name))
}
