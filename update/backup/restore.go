package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"clarityos/update/backup/index"
)

// Restore puts what a backup has in the place of what lies at its paths, below root: "/" on a
// machine. First all of it is written beside that and to the disk, then one path after the
// other changes in one step. With an error before that nothing has changed; a path is as it
// was or as the backup has it, whenever it ends. Done again, it ends in the same.
//
// The error wraps that of Verify where the backup is not right.
func Restore(ctx context.Context, dir, id, root string) error {
	s, err := openStore(dir)
	if err == nil {
		defer s.close()
		err = s.restore(ctx, id, root)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

func (s *store) restore(ctx context.Context, id, root string) error {
	// Nothing is done by an index that is not whole.
	if _, err := read(s.dir, id, index.Visitor{}); err != nil {
		return err
	}
	var trees []*tree
	defer func() {
		for _, t := range trees {
			t.close()
		}
	}()
	var where reading
	_, err := read(s.dir, id, index.Visitor{
		Header: where.header,
		Entry: func(e index.Entry) error {
			_ = where.entry(e)
			if e.Name == "" {
				if len(trees) > 0 {
					if err := trees[len(trees)-1].end(); err != nil {
						return err
					}
				}
				t, err := newTree(root, where.head.Paths[e.Path], e.Type == index.Absent)
				if err != nil {
					return err
				}
				trees = append(trees, t)
			}
			return errors.Join(trees[len(trees)-1].add(e), ctx.Err())
		},
		Chunk: func(c index.Chunk) error {
			plain, err := s.get(c.Hash, c.Size)
			if err == nil {
				err = trees[len(trees)-1].write(plain, c.At)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", where.at(), err)
			}
			return ctx.Err()
		},
	})
	if err == nil {
		err = trees[len(trees)-1].end()
	}
	if err == nil {
		err = syncTrees(trees)
	}
	if err != nil {
		for _, t := range trees {
			err = errors.Join(err, t.remove())
		}
		return err
	}
	for _, t := range trees {
		if err := t.swap(); err != nil {
			return err
		}
	}
	for _, t := range trees {
		if t.dir == nil {
			continue
		}
		if err := cmp.Or(t.remove(), t.dir.Sync()); err != nil {
			return err
		}
	}
	return nil
}

// syncTrees has trees be on the disk.
func syncTrees(trees []*tree) error {
	done := map[uint64]bool{} // file systems
	for _, t := range trees {
		if t.dir == nil {
			continue
		}
		st, err := statAt(t.dir, ".")
		if err == nil && !done[st.Dev] {
			err = unix.Syncfs(int(t.dir.Fd()))
		}
		if err != nil {
			return fmt.Errorf("write what comes to %s to the disk: %w", path.Join(t.dir.Name(), t.name), err)
		}
		done[st.Dev] = true
	}
	return nil
}

// swap puts a tree in the place of what lies at its path. Both are on the disk.
func (t *tree) swap() error {
	if t.dir == nil {
		return nil // nothing is there, and nothing comes
	}
	fd := int(t.dir.Fd())
	_, err := statAt(t.dir, t.name)
	there := !errors.Is(err, os.ErrNotExist)
	switch {
	case there && err != nil:
		return err
	case t.absent && there:
		err = unix.Renameat2(fd, t.name, fd, t.temp, unix.RENAME_NOREPLACE)
	case t.absent:
		return nil
	case there:
		err = unix.Renameat2(fd, t.temp, fd, t.name, unix.RENAME_EXCHANGE)
	default:
		err = unix.Renameat2(fd, t.temp, fd, t.name, unix.RENAME_NOREPLACE)
	}
	if err != nil {
		return fmt.Errorf("put %s in its place: %w", path.Join(t.dir.Name(), t.name), err)
	}
	if err := t.dir.Sync(); err != nil {
		return fmt.Errorf("write folder %s to the disk: %w", t.dir.Name(), err)
	}
	return nil
}
