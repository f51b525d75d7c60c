package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"clarityos/update/backup"
	"clarityos/update/backup/index"
	"clarityos/update/durable"
	"clarityos/update/installed"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/slots/gate"
)

// keep is how many backups stay, besides the one that leads back.
const keep = 3

// RunHere does what is to be done on this machine before services begin. While the machine
// restarts it waits for the end of ctx, so that none does.
func RunHere(ctx context.Context, say func(string)) error {
	image, err := installed.Read()
	if err != nil {
		return err
	}
	running, err := slots.ReadRunning()
	if err != nil && !errors.Is(err, slots.ErrNoSlots) {
		return err
	}
	m := &here{
		ctx: ctx, image: image, running: running, say: say, dir: Dir, store: backup.Dir,
		record: func(work func(*bootdisk.Record) error) error { return bootdisk.With(running.Record, work) },
		leave:  func(why string) error { return gate.Leave(ctx, why, say) },
	}
	err = Run(m)
	if errors.Is(err, ErrLeft) {
		say(err.Error())
		<-ctx.Done()
		return err
	}
	return errors.Join(err, m.prune())
}

// here is this machine.
type here struct {
	ctx     context.Context
	image   installed.Image
	running slots.Running // zero: it runs from no slot
	say     func(string)
	dir     string // Dir
	store   string // of backups
	record  func(work func(*bootdisk.Record) error) error
	leave   func(why string) error

	made bool // there is a new backup
}

func (h *here) marker() string { return filepath.Join(h.dir, markerName) }

func (h *here) Say(line string) { h.say(line) }

func (h *here) Look() (n Now, err error) {
	n = Now{Version: h.image.Version, Schema: h.image.Schema, Worse: h.running.Worse}
	for _, p := range h.image.Migrates {
		n.Migrates = append(n.Migrates, index.Path(p))
	}
	if s := slots.Named(h.running.Slot); s != slots.None {
		err := h.record(func(rec *bootdisk.Record) error {
			side, other := rec.Now.Side(s), rec.Now.Side(s.Other())
			n.Trial, n.Back, n.Left = side.State == slots.Trying, other.State == slots.Good, other.State != slots.Good
			return nil
		})
		if err != nil {
			h.say(err.Error()) // then nothing is on trial
		}
	}
	if n.Marker, err = ReadMarker(h.marker()); err != nil {
		return n, n.failed(h, err)
	}
	if n.Order, err = ReadOrder(filepath.Join(h.dir, orderName)); err != nil {
		return n, n.failed(h, fmt.Errorf("which backup is to be restored: %w", err))
	}
	n.Backups, err = backup.List(h.store)
	return n, n.failed(h, err)
}

func (h *here) BackUp(cause index.Cause, version string, schema uint32, paths []index.Path) (string, error) {
	i, err := backup.Make(h.ctx, h.store, backup.Request{Cause: cause, Version: version, Schema: schema, Paths: paths, Time: time.Now()})
	if err == nil {
		err = backup.Verify(h.ctx, h.store, i.ID)
	}
	if err != nil {
		return "", err
	}
	h.made = true
	h.say(fmt.Sprintf("backup %s has %d entries with %d bytes", i.ID, i.Entries, i.Bytes))
	return i.ID, nil
}

func (h *here) Restore(id string) error { return backup.Restore(h.ctx, h.store, id, "/") }

func (h *here) Mark(m Marker) error { return m.Write(h.marker()) }

func (h *here) Drop() error {
	if err := os.Remove(filepath.Join(h.dir, orderName)); err != nil {
		return fmt.Errorf("drop the order to restore a backup: %w", err)
	}
	return durable.SyncDir(h.dir)
}

func (h *here) Leave(why string) error { return h.leave(why) }

// prune makes room after a new backup.
func (h *here) prune() error {
	if !h.made {
		return nil
	}
	policy := backup.Policy{Keep: keep}
	m, err := ReadMarker(h.marker())
	if err != nil || m == nil {
		return err // what leads back is not known
	}
	if m.Backup != "" {
		policy.Pinned = []string{m.Backup}
	}
	gone, err := backup.Prune(h.store, policy, time.Now())
	for _, id := range gone {
		h.say("backup " + id + " is removed, as there are newer ones")
	}
	return err
}
