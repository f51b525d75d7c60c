// Package order is what somebody wants of the updater, and how far that is. An order lies on
// the disk until it is carried out, boots and cuts of power in between included; the updater
// is a program that begins when there is one, and ends when it can do nothing more.
//
//	order.go   the order
//	status.go  how far it is
package order

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"clarityos/update/durable"

	"github.com/google/renameio/v2"
)

// Where the updater keeps what it has to know after a cut of power, and where it says how far
// it is.
const (
	Dir        = "/var/lib/clarity/update"
	StatusFile = "/run/clarity/update.json"
	// Unit is the updater.
	Unit = "clarity-update.service"
)

// Kind is what is wanted.
type Kind string

// The kinds.
const (
	Check    Kind = "check"    // see what there is
	Install  Kind = "install"  // write a release to the slot that does not run, and try it
	Rollback Kind = "rollback" // try what is in that slot
)

// Order is one. It lies in Dir.
type Order struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Who      string    `json:"who"`
	Kind     Kind      `json:"kind"`
	From     string    `json:"from,omitempty"`     // source.Open takes it; "": the image's own repository
	Version  string    `json:"version,omitempty"`  // "": the newest
	Older    bool      `json:"older,omitempty"`    // an older version is taken, or the one that runs
	Again    bool      `json:"again,omitempty"`    // one that was left is taken
	Download bool      `json:"download,omitempty"` // it is written, and not tried
	Restart  Restart   `json:"restart,omitempty"`  // … into it, once it is written
}

// Restart is when the machine restarts for an order.
type Restart string

// When it does.
const (
	Never  Restart = ""       // a person restarts it
	AtOnce Restart = "now"    // unless work goes on that is not to be interrupted
	Policy Restart = "policy" // once restart.Policy allows it
)

// ErrBusy is that another order is not carried out yet.
var ErrBusy = errors.New("another update is under way")

// Journal is the path of the journal in dir.
func Journal(dir string) string { return filepath.Join(dir, "journal") }

func path(dir string) string { return filepath.Join(dir, "order") }

// Put leaves an order in dir, with an id of its own. There is one at a time; the error wraps
// ErrBusy.
func Put(dir string, o *Order) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("order an update: %w", err)
	}
	o.ID = rand.Text()
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("order an update: %w", err)
	}
	f, err := renameio.TempFile("", path(dir))
	if err != nil {
		return fmt.Errorf("order an update: %w", err)
	}
	defer f.Cleanup()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("order an update: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("order an update: %w", err)
	}
	if err := os.Link(f.Name(), path(dir)); err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%w; `clarityctl update status` says how far it is, and `clarityctl update cancel` ends it", ErrBusy)
		}
		return fmt.Errorf("order an update: %w", err)
	}
	return durable.SyncDir(dir)
}

// Read gives the order in dir; nil: there is none.
func Read(dir string) (*Order, error) { return read[Order](path(dir), "the order for an update") }

// read reads what a file has as JSON; nil: there is no file.
func read[T any](file, what string) (*T, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	v := new(T)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// Drop removes the order in dir, when there is one.
func Drop(dir string) error {
	if err := os.Remove(path(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return durable.SyncDir(dir)
}
