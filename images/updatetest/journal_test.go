package updatetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"clarityos/init/setup"
	"clarityos/update/journal"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// torn says whether the superblock of /var is not whole.
func (m *model) torn() bool {
	at := m.of(bootdisk.Var).at
	return m.once("superblock", func() error {
		head := make([]byte, setup.SuperblockEnd)
		if _, err := m.disk.ReadAt(head, at); err != nil {
			return err
		}
		if setup.Torn(head) {
			return errTorn
		}
		return nil
	}, blockRange{at, setup.SuperblockEnd}) != nil
}

var errTorn = errors.New("the superblock is not whole")

// journal holds the file system of /var to be whole once a machine has repaired it, and the
// updater's journal on it to fit the record of slots.
func (m *model) journal(t *testing.T) error {
	dir := t.TempDir()
	image, file := filepath.Join(dir, "var"), filepath.Join(dir, "journal")
	out, err := os.Create(image)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, m.part(bootdisk.Var).SectionReader); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return err
	}
	defer os.Remove(image)
	if err := setup.Repair(image, func(string) {}); err != nil {
		return err
	}
	if text, err := exec.Command("e2fsck", "-fn", image).CombinedOutput(); err != nil {
		return fmt.Errorf("e2fsck: %w: %s", err, text)
	}
	if text, err := exec.Command("debugfs", "-R", "dump /lib/clarity/update/journal "+file, image).CombinedOutput(); err != nil {
		return fmt.Errorf("debugfs: %w: %s", err, text)
	}
	records, err := journal.Read(file)
	if err != nil {
		return err
	}
	rec, err := slots.Read(m.part(bootdisk.State))
	if rec == nil {
		return err
	}
	b := *rec.Side(slots.B)
	if b == *m.before.Side(slots.B) {
		b.State = slots.Empty // of the new system
	}
	return agrees(records, b.State)
}

// steps are those of an update, in their order.
var steps = []journal.Step{"", journal.Ordered, journal.Accepted, journal.Writing, journal.Written, journal.Installed, journal.Trying, journal.Good}

// allowed is how far the journal may be when slot B is in a state, from and to: each of both is on
// the disk before the other one goes on.
var allowed = map[slots.State][2]journal.Step{
	slots.Empty:     {"", journal.Accepted}, // or with the system before
	slots.Writing:   {journal.Accepted, journal.Written},
	slots.Installed: {journal.Written, journal.Trying},
	slots.Trying:    {journal.Trying, journal.Trying},
	slots.Good:      {journal.Trying, journal.Good},
}

// agrees holds the journal to tell of the steps of one update one after the other, as far as the
// state of slot B has it.
func agrees(records []journal.Record, b slots.State) error {
	for i, r := range records {
		if i+1 >= len(steps) || r.Step != steps[i+1] {
			return fmt.Errorf("the journal is %+v", records)
		}
	}
	at := func(s journal.Step) (i int) {
		for steps[i] != s {
			i++
		}
		return i
	}
	if is := len(records); is < at(allowed[b][0]) || is > at(allowed[b][1]) {
		return fmt.Errorf("slot b is %v, and the journal as far as %q", b, steps[is])
	}
	return nil
}
