package log

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// moveBatch is how many records are copied with one write.
const moveBatch = 64

// Move takes the store to another folder, where it goes on behind what earlier
// boots left there. It may be killed anywhere and done again: records are told
// apart by boot and number, and the old folder counts until its file "moved" is
// there. What the old folder holds of other boots is left behind. The old
// folder is on tmpfs, so that nothing has to be on the new disk before it goes.
func Move(s *Store, dir string, limits Limits) error {
	if dir == s.dir {
		return nil
	}
	to, err := Open(dir, s.boot, limits)
	if err != nil {
		return fmt.Errorf("move the log: %w", err)
	}
	if err := copyTo(to, s); err != nil {
		to.Close()
		return fmt.Errorf("move the log to %s: %w", dir, err)
	}
	// How far sources were read is known even if no record tells it.
	for source, at := range s.state.positions {
		to.state.positions[source] = at
	}
	err = to.begin() // with those positions in its head
	if err == nil {
		err = renameio.WriteFile(filepath.Join(s.dir, movedFile), []byte(dir+"\n"), fileMode)
	}
	if err != nil {
		to.Close()
		return fmt.Errorf("move the log to %s: %w", dir, err)
	}
	to.Dropped, to.SetAside, to.Torn = to.Dropped+s.Dropped, to.SetAside+s.SetAside, to.Torn+s.Torn
	old := *s
	*s = *to
	return errors.Join(old.Close(), removeSegments(old.dir))
}

// copyTo copies what the new store does not have of this boot.
func copyTo(to, from *Store) error {
	var batch []Record
	q := Query{Boot: from.boot}
	r := reader{ctx: context.Background(), dir: from.dir, q: q, stored: true}
	var failed error
	r.yield = func(rec Record, err error) bool {
		var broken *DamageError
		if errors.As(err, &broken) {
			return true // it stays lost
		}
		if failed = err; err != nil {
			return false
		}
		if rec.Seq <= to.LastSeq() {
			return true
		}
		if batch = append(batch, rec); len(batch) == moveBatch {
			failed = to.Append(batch...)
			batch = batch[:0]
		}
		return failed == nil
	}
	if err := errors.Join(r.from(cursor{}), failed); err != nil {
		return err
	}
	return to.Append(batch...)
}

func removeSegments(dir string) error {
	names, err := listSegments(dir)
	for _, n := range names {
		err = errors.Join(err, n.remove())
	}
	return err
}
