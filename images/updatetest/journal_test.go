package updatetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/init/setup"
	"clarityos/update/etc"
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

// journal holds the file system of /var to be whole once a machine has repaired it, what it has of
// /etc as well, and the updater's journal on it to fit the record of slots.
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
	if text, err := exec.Command("debugfs", "-R", "rdump "+strings.TrimPrefix(etc.Dir, "/var")+" "+dir, image).CombinedOutput(); err != nil {
		return fmt.Errorf("debugfs: %w: %s", err, text)
	}
	if err := changes(filepath.Join(dir, filepath.Base(etc.Dir))); err != nil {
		return err
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

// changes holds what was changed in /etc to be whole: of the old system as it was, and of the new
// one not there or whole.
func changes(dir string) error {
	for slot, version := range map[string]string{"a": "1.0.0", "b": "1.1.0"} {
		own := filepath.Join(dir, slot)
		if _, err := os.Stat(own); slot == "b" && errors.Is(err, os.ErrNotExist) {
			continue
		}
		settings, err := os.ReadFile(filepath.Join(own, "base/settings"))
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(own, "upper")); err != nil {
			return err
		}
		if root, err := os.ReadFile(filepath.Join(own, etc.Version)); err != nil || len(root) != 64 || !strings.HasPrefix(string(settings), "# of "+version+"\n") {
			return fmt.Errorf("the changes of /etc in slot %s are of %q, %v: %s", slot, root, err, settings)
		}
	}
	return nil
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
