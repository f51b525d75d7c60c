package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/update/backup"
	"clarityos/update/installed"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// disk is a machine's, with version 1 in slot A and version 2, whose services migrate, in B.
type disk struct {
	dir string
	rec slots.Record
}

func newDisk(t *testing.T) *disk {
	d := &disk{dir: t.TempDir()}
	d.rec.Default = slots.A
	d.rec.Sides = [2]slots.Side{{State: slots.Good}, {State: slots.Trying, Left: 2}}
	if err := os.MkdirAll(d.dir+"/clarity", 0o755); err != nil {
		t.Fatal(err)
	}
	d.write(t, "1")
	return d
}

func (d *disk) write(t *testing.T, text string) {
	t.Helper()
	path := d.dir + "/lib/app/db"
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func (d *disk) read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(d.dir + "/lib/app/db")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// boot does what is done before services begin. What is said, and why the slot was left.
func (d *disk) boot(t *testing.T, s slots.Slot) (said, left string, err error) {
	image := installed.Image{Version: "1.0.0", Schema: 1}
	if s == slots.B {
		image = installed.Image{Version: "2.0.0", Schema: 2, Migrates: []string{d.dir + "/lib/app"}}
	}
	h := &here{
		ctx: t.Context(), image: image, running: slots.Running{Slot: s.String()}, dir: d.dir + "/clarity", store: d.dir + "/clarity/backups",
		say:    func(line string) { said += line + "\n" },
		record: func(work func(*bootdisk.Record) error) error { return work(&bootdisk.Record{Now: &d.rec}) },
		leave:  func(why string) error { left, d.rec = why, *d.rec.Failed(s, why); return nil },
	}
	err = errors.Join(Run(h), h.prune())
	return said, left, err
}

// What a version on trial has migrated is as it was when the old one runs again, whatever
// became of it in between; a rollback after it was good keeps what it has written.
func TestTrialOnFiles(t *testing.T) {
	d := newDisk(t)
	for range 2 {
		if said, left, err := d.boot(t, slots.B); err != nil || left != "" {
			t.Fatalf("%v, %q\n%s", err, left, said)
		}
		d.write(t, "half of 2")
	}
	d.rec = *d.rec.Failed(slots.B, "a unit has failed")
	if said, _, err := d.boot(t, slots.A); err != nil || d.read(t) != "1" || !strings.Contains(said, "2.0.0 has migrated /var to schema 2") {
		t.Errorf("%v, %q\n%s", err, d.read(t), said)
	}
	if m, err := ReadMarker(d.dir + "/clarity/schema"); err != nil || m.Schema != 1 {
		t.Errorf("%+v, %v", m, err)
	}
	d.write(t, "1 and more")
	d.rec.Sides[1] = slots.Side{State: slots.Trying, Left: 2}
	if said, _, err := d.boot(t, slots.B); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	d.write(t, "2")
	d.rec = *d.rec.MarkGood(slots.B)
	d.rec.Sides[0] = slots.Side{State: slots.Trying, Left: 2}
	if said, _, err := d.boot(t, slots.A); err != nil || d.read(t) != "1 and more" || !strings.Contains(said, "what there was is kept as backup") {
		t.Errorf("%v, %q\n%s", err, d.read(t), said)
	}
	all, err := backup.List(d.dir + "/clarity/backups")
	if err != nil || len(all) != 3 || all[2].Schema != 2 || !all[2].Verified {
		t.Fatalf("%+v, %v", all, err)
	}
	d.rec = *d.rec.Failed(slots.A, "a person wants version 2 back")
	if err := Order(d.dir+"/clarity/restore", all[2].ID); err != nil {
		t.Fatal(err)
	}
	if said, _, err := d.boot(t, slots.B); err != nil || d.read(t) != "2" {
		t.Errorf("%v, %q\n%s", err, d.read(t), said)
	}
}

// A trial that cannot be backed up is left, and nothing has changed.
func TestNoRoom(t *testing.T) {
	d := newDisk(t)
	if err := os.WriteFile(d.dir+"/clarity/backups", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	said, left, err := d.boot(t, slots.B)
	if !errors.Is(err, ErrLeft) || !strings.Contains(left, "/var: ") || d.rec.Side(slots.B).State != slots.Bad {
		t.Errorf("%v, %q, %+v\n%s", err, left, d.rec, said)
	}
	if err := os.Remove(d.dir + "/clarity/backups"); err != nil {
		t.Fatal(err)
	}
	if said, _, err := d.boot(t, slots.A); err != nil || d.read(t) != "1" {
		t.Errorf("%v, %q\n%s", err, d.read(t), said)
	}
}

// A backup that is corrupt is not restored, which is told: services of a good slot begin.
func TestCorruptBackup(t *testing.T) {
	d := newDisk(t)
	if said, _, err := d.boot(t, slots.B); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	d.write(t, "2")
	d.rec = *d.rec.Failed(slots.B, "a unit has failed")
	files, err := filepath.Glob(d.dir + "/clarity/backups/chunks/*/*")
	if err != nil || len(files) != 1 || os.WriteFile(files[0], []byte("torn"), 0o600) != nil {
		t.Fatal(files, err)
	}
	if said, left, err := d.boot(t, slots.A); err == nil || errors.Is(err, ErrLeft) || left != "" || d.read(t) != "2" {
		t.Errorf("%v, %q\n%s", err, d.read(t), said)
	}
	if m, err := ReadMarker(d.dir + "/clarity/schema"); err != nil || m.Schema != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}
