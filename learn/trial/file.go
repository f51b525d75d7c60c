package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"clarityos/learn/keep"
	"clarityos/services/plan"
)

// Files are those of an order. In Dir, order is what the next boot is to be started by,
// and order.trying what this one is, until it has completed.
type Files struct {
	Dir   string // on a disk; "" when nothing lasts
	Baked string // of the image, for its first boot
	Kind  string // of this machine
	Given string // where PID 1 reads it, and beside it whether the boot was started by it
}

// What training puts into an image, for machines that have learned nothing yet.
const (
	BakedOrder = "/usr/lib/clarity/order"
	BakedGraph = "/usr/lib/clarity/graph"
)

// Machine are those of a machine whose learned files are kept in dir; "" when they do
// not last.
func Machine(dir string) Files {
	return Files{Dir: dir, Baked: BakedOrder, Kind: Kind(), Given: plan.OrderPath}
}

func (f Files) next() string   { return filepath.Join(f.Dir, "order") }
func (f Files) trying() string { return filepath.Join(f.Dir, "order.trying") }
func (f Files) taken() string  { return f.Given + ".taken" }

// ErrTrying is that the last boot which was started by an order has not completed.
var ErrTrying = errors.New("the last boot that was started by what was learned did not complete; this one is as declared")

// Take lays the order for this boot where PID 1 reads it, and marks it as tried. Without
// an error and with taken false there is none. What cannot be read is set aside, as
// keep.Load does.
func (f Files) Take() (taken bool, err error) {
	source := f.Baked
	if f.Dir != "" {
		next, trying, known := exists(f.next()), exists(f.trying()), exists(filepath.Join(f.Dir, "graph"))
		switch {
		case next:
			source = f.next()
		case trying:
			return false, ErrTrying
		case known:
			return false, nil
		}
	}
	file, err := keep.Load(source, "the order", plan.MaxOrderSize, func() []byte { return nil }, func(b []byte) ([]byte, error) {
		o, err := plan.DecodeOrder(b)
		if err != nil {
			return nil, err
		}
		return o.On(f.Kind).Encode()
	})
	if err != nil || file == nil {
		return false, err
	}
	if f.Dir != "" { // on the disk before anything is started by it
		if err := keep.Save(f.trying(), "the order", file); err != nil {
			return false, err
		}
		if err := f.drop(f.next()); err != nil {
			return false, err
		}
	}
	if err := errors.Join(f.Give(file), os.WriteFile(f.taken(), nil, 0o600)); err != nil {
		return false, err
	}
	return true, nil
}

// Give lays an order where PID 1 reads it.
func (f Files) Give(order []byte) error { return keep.Save(f.Given, "the order", order) }

// Tried says whether this boot is started by an order, and whether the last one was and
// has not completed.
func (f Files) Tried() (ordered, failed bool) {
	ordered = exists(f.taken())
	return ordered, f.Dir != "" && !ordered && exists(f.trying())
}

// Training says whether this boot holds a unit back, to show who waits for it.
func (f Files) Training() bool {
	b, err := os.ReadFile(f.Given)
	if err != nil {
		return false
	}
	o, err := plan.DecodeOrder(b)
	return err == nil && len(o.Delay) > 0
}

// Complete says that this boot has completed, and what the next one is to be started by;
// nil is nothing.
func (f Files) Complete(order []byte) error {
	if f.Dir == "" {
		return nil
	}
	if order == nil {
		return errors.Join(f.drop(f.next()), f.drop(f.trying()))
	}
	if err := keep.Save(f.next(), "the order", order); err != nil {
		return err
	}
	return f.drop(f.trying())
}

func (f Files) drop(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err = errors.Join(err, keep.SyncFolder(path)); err != nil {
		return fmt.Errorf("the order: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
