package install

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"clarityos/update/chunks"
	"clarityos/update/etc"
	"clarityos/update/journal"
	"clarityos/update/manifest"
	"clarityos/update/order"
	"clarityos/update/restart"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/source"
	"clarityos/update/trust"
	"clarityos/update/verity"
)

func TestInstall(t *testing.T) {
	w := newWorld(t)
	w.release(t, "1.0.5", nil)
	p := w.release(t, "1.1.0", nil)
	before := w.sums(t, "a", "clarity-state")
	ofA, ofB := "etc/a/"+etc.Version, "etc/b/"+etc.Version
	w.file(t, ofA, []byte("1"))
	w.file(t, ofB, []byte("2"))
	st := w.carryOut(t, order.Order{Kind: order.Install, Who: "root"})
	if st.Error != "" || !st.Done || st.Version != "1.1.0" || !strings.Contains(st.Text, "1.1.0 is in slot b; `clarityctl reboot` starts it") {
		t.Fatalf("%+v", st)
	}
	if side := w.now(t).Side(slots.B); side.State != slots.Trying || side.Left != tries {
		t.Errorf("slot b is %+v", side)
	}
	w.installed(t, p, slots.B)
	_, errA := os.Stat(w.path(ofA))
	if _, errB := os.Stat(w.path(ofB)); errA != nil || !errors.Is(errB, os.ErrNotExist) {
		t.Errorf("what was changed in /etc would not go along: %v, %v", errA, errB)
	}
	if after := w.sums(t, "a", "clarity-state"); after != before {
		t.Error("what belongs to slot a has changed")
	}
	if st.Fetched == 0 || st.Fetched != st.Lacking || st.Fetched > st.Whole/2 {
		t.Errorf("%d bytes were fetched, of %d that were lacking, of %d", st.Fetched, st.Lacking, st.Whole)
	}
	o := order.Order{Kind: order.Install}
	if err := order.Put(w.updater().Dir, &o); !errors.Is(err, order.ErrBusy) {
		t.Errorf("another order: %v", err)
	}
	// The boot in which it is good.
	w.m.Running.Slot = "b"
	w.record(t, func(r *slots.Record) *slots.Record { return r.MarkGood(slots.B) })
	if st := w.run(t); st.Step != journal.Good || !st.Done {
		t.Errorf("%+v", st)
	}
	w.steps(t, "ordered accepted writing written installed trying good")
	if err := w.updater().Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// A version that is left is told of, and not taken again by itself.
func TestLeft(t *testing.T) {
	w := newWorld(t)
	w.release(t, "1.1.0", nil)
	if st := w.carryOut(t, order.Order{Kind: order.Install, Restart: order.AtOnce}); w.booted != 1 || st.Error != "" {
		t.Fatalf("%d restarts: %+v", w.booted, st)
	}
	w.record(t, func(r *slots.Record) *slots.Record { return r.Failed(slots.B, "it panics") })
	if st := w.run(t); st.Step != journal.Left || st.Error != "it panics" || w.booted != 1 {
		t.Errorf("%+v", st)
	}
	if st := w.carryOut(t, order.Order{Kind: order.Install}); !strings.Contains(st.Error, "was tried on this machine and left: it panics") {
		t.Errorf("%+v", st)
	}
	if st := w.carryOut(t, order.Order{Kind: order.Install, Again: true}); st.Error != "" || st.Step != journal.Trying {
		t.Errorf("%+v", st)
	}
}

func TestRollbackAndCancel(t *testing.T) {
	w := newWorld(t)
	if err := w.updater().Cancel(); err == nil || !strings.Contains(err.Error(), "no update that could be taken back") {
		t.Error(err)
	}
	w.file(t, "etc/b/"+etc.Version, []byte("2"))
	if st := w.carryOut(t, order.Order{Kind: order.Rollback}); st.Error != "" || w.now(t).Side(slots.B).State != slots.Trying {
		t.Errorf("%+v", st)
	}
	if _, err := os.Stat(w.path("etc/b/" + etc.Version)); err != nil {
		t.Errorf("/etc does not go back: %v", err)
	}
	if err := w.updater().Cancel(); err != nil || w.now(t).Side(slots.B).State != slots.Installed {
		t.Errorf("%v, %+v", err, w.now(t))
	}
	w.steps(t, "ordered trying canceled")
	if st := w.carryOut(t, order.Order{Kind: order.Rollback}); !strings.Contains(st.Error, "slot b is installed; what is gone back to has to be good") {
		t.Errorf("%+v", st)
	}
	w.release(t, "1.1.0", nil)
	if st := w.carryOut(t, order.Order{Kind: order.Check}); len(st.Others) != 1 || !strings.Contains(st.Text, "demo 1.1.0 is there, and 1.0.0 runs") {
		t.Errorf("%+v", st)
	}
}

// A release that is only wanted here is not tried, and is not fetched again when it is.
func TestDownload(t *testing.T) {
	w := newWorld(t)
	p := w.release(t, "1.1.0", nil)
	if st := w.carryOut(t, order.Order{Kind: order.Install, Download: true}); st.Step != journal.Downloaded || !st.Done || st.Error != "" || w.now(t).Side(slots.B).State != slots.Installed {
		t.Errorf("%+v, %+v", st, w.now(t))
	}
	w.installed(t, p, slots.B)
	if st := w.carryOut(t, order.Order{Kind: order.Install}); st.Step != journal.Trying || st.Fetched > 1000 { // forms of text are in no slot
		t.Errorf("%+v", st)
	}
}

// A machine that may not restart does not, and says why; it goes on when it is stopped.
func TestHeld(t *testing.T) {
	w := newWorld(t)
	w.release(t, "1.1.0", nil)
	w.held = &restart.Wait{Why: "a backup"}
	if err := order.Put(w.updater().Dir, &order.Order{Kind: order.Install, Restart: order.Policy}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	u := w.updater()
	u.Publish = func(s order.Status) {
		if strings.Contains(s.Text, "does not restart yet: a backup") {
			cancel()
		}
	}
	if err := u.Run(ctx); err != nil || w.booted != 0 {
		t.Errorf("%v, %d restarts", err, w.booted)
	}
	w.held = nil
	if st := w.run(t); w.booted != 1 || st.Step != journal.Trying {
		t.Errorf("%+v, %d restarts", st, w.booted)
	}
}

// What cannot be taken is refused with its reason, and nothing on the disk has changed.
func TestRefused(t *testing.T) {
	garble := func(suffix string, change func([]byte) []byte) func(*world) {
		return func(w *world) {
			for name, b := range w.offers {
				if strings.HasSuffix(name, suffix) {
					w.offers[name] = change(slices.Clone(b))
				}
			}
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	short := func(b []byte) []byte { return b[:len(b)-1] }
	last := func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	long := func(b []byte) []byte { return append(b, 0) }
	for name, c := range map[string]struct {
		change func(*manifest.Manifest)
		world  func(*world)
		want   string
	}{
		"another architecture": {func(m *manifest.Manifest) { m.Arch = "arm64" }, nil, "is for arm64, and this machine is amd64"},
		"another board":        {func(m *manifest.Manifest) { m.Board = "rpi" }, nil, "is for the board rpi"},
		"a lower security":     {func(m *manifest.Manifest) { m.Security = 0 }, nil, "has security version 0, and this machine has had 1"},
		"another version":      {func(m *manifest.Manifest) { m.Version = "1.2.0" }, nil, "says that it is version 1.2.0"},
		"state":                {func(m *manifest.Manifest) { m.State = manifest.State{From: 2, To: 3} }, nil, "reads state of schema 2 to 3"},
		"a kernel": {func(m *manifest.Manifest) {
			m.Components = []manifest.Component{{Name: "x", Version: "1", Requires: []manifest.Requirement{{Name: "kernel", Range: ">= 7"}}}}
		}, nil, "needs kernel >= 7"},
		"slot too small":       {nil, func(w *world) { _ = os.Truncate(w.path("root-b"), 10*verity.Block) }, "takes a root slot of 1280 KiB, and there are 40"},
		"the slot is not good": {nil, func(w *world) { w.m.Running.Slot = "b"; w.unmark() }, "slot b runs and is trying"},
		"manifest: a bit":      {nil, garble(".json", flip), "is not what was signed"},
		"manifest: cut short":  {nil, garble(".json", short), "is not what was signed"},
		"manifest: endless":    {nil, garble(".json", long), trust.ErrTooLarge.Error()},
		"table: a bit":         {nil, garble(".table", flip), "is not the one that its manifest names"},
		"table: cut short":     {nil, garble(".table", short), "is not the one that its manifest names"},
		"table: endless":       {nil, garble(".table", long), trust.ErrTooLarge.Error()},
		// RAUC's signatures reached only the first bytes of large bundles.
		"CVE-2026-34155: manifest": {nil, garble(".json", last), "is not what was signed"},
		"CVE-2026-34155: table":    {nil, garble(".table", last), "is not the one that its manifest names"},
		"nothing for it":           {nil, func(w *world) { w.names = nil }, "has nothing for demo on amd64 in channel stable"},
		"a table of another pack":  {func(m *manifest.Manifest) { m.Packed.Size++ }, nil, "and the pack"},
	} {
		w := newWorld(t)
		w.release(t, "1.1.0", c.change)
		if c.world != nil {
			c.world(w)
		}
		before := w.sums(t, "")
		st := w.carryOut(t, order.Order{Kind: order.Install})
		if !strings.Contains(st.Error, c.want) || !st.Done || st.Step != journal.Failed {
			t.Errorf("%s: wanted %q: %+v", name, c.want, st)
		}
		if w.sums(t, "") != before {
			t.Errorf("%s: something on the disk has changed", name)
		}
	}
	// What is garbled in the pack is found when its turn comes: the slot is never tried.
	for name, change := range map[string]func([]byte) []byte{"pack: a bit": flip, "pack: cut short": short, "CVE-2026-34155: pack": last} {
		w := newWorld(t)
		w.release(t, "1.1.0", nil)
		garble(".pack", change)(w)
		before := w.sums(t, "a")
		st := w.carryOut(t, order.Order{Kind: order.Install})
		if st.Step != journal.Failed || !strings.Contains(st.Error, chunks.ErrCorrupt.Error()) && !strings.Contains(st.Error, source.ErrOutside.Error()) || w.now(t).Side(slots.B).State != slots.Writing || w.sums(t, "a") != before {
			t.Errorf("%s: %+v, %+v", name, st, w.now(t))
		}
	}
}

// unmark has the slot that runs be on trial.
func (w *world) unmark() {
	r := bootdisk.OpenRecord(w.path("clarity-state"))
	defer r.Close()
	if next, err := r.Now.Try(slots.Named(w.m.Running.Slot), 2); err == nil {
		_ = r.Write(next)
	}
}
