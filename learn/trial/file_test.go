package trial

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"clarityos/services/plan"
)

// machine has the files of one in a folder, and boots it.
type machine struct {
	Files
	*testing.T
}

func newMachine(t *testing.T) machine {
	dir := t.TempDir()
	return machine{Files{Dir: dir + "/kept", Baked: dir + "/baked/order", Given: dir + "/run/order"}, t}
}

func (m machine) write(path string, b []byte) {
	m.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o600)); err != nil {
		m.Fatal(err)
	}
}

// boot begins one, and holds it to what it should be started by; nil is nothing.
func (m machine) boot(want []byte) {
	m.Helper()
	_ = os.RemoveAll(filepath.Dir(m.Given))
	taken, err := m.Take()
	got, _ := os.ReadFile(m.Given)
	if err != nil || taken != (want != nil) || !bytes.Equal(got, want) {
		m.Fatalf("it is started by %q, %v, %v", got, taken, err)
	}
	if ordered, failed := m.Tried(); ordered != taken || failed {
		m.Fatalf("it says %v, %v", ordered, failed)
	}
	if err := m.Give(order(m.T, "given.service")); err != nil { // what is learned later changes nothing of that
		m.Fatal(err)
	}
	if ordered, _ := m.Tried(); ordered != taken {
		m.Fatalf("it says %v after it was given another order", ordered)
	}
}

func (m machine) complete(next []byte) {
	m.Helper()
	if err := m.Complete(next); err != nil {
		m.Fatal(err)
	}
}

func order(t *testing.T, on string) []byte {
	b, err := (&plan.Order{After: []plan.Learned{{Unit: "a.service", On: on, Limit: time.Second}}}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFiles(t *testing.T) {
	m := newMachine(t)
	one, two := order(t, "one.service"), order(t, "two.service")
	m.boot(nil)
	m.complete(one)
	m.boot(one)
	m.complete(two)
	m.boot(two)

	// It ends before it has completed.
	_ = os.RemoveAll(filepath.Dir(m.Given))
	if taken, err := m.Take(); taken || !errors.Is(err, ErrTrying) || exists(m.Given) {
		t.Fatalf("an order that was tried in vain is tried again: %v, %v", taken, err)
	}
	if ordered, failed := m.Tried(); ordered || !failed {
		t.Fatalf("it says %v, %v", ordered, failed)
	}
	m.complete(nil)
	m.boot(nil)
	m.complete(two)
	m.boot(two)
}

// A crash between the steps of Complete leaves an order that is used, one between those of
// Take an order that was tried.
func TestFilesCrash(t *testing.T) {
	m := newMachine(t)
	one, two := order(t, "one.service"), order(t, "two.service")
	m.write(m.next(), two)
	m.write(m.trying(), one)
	m.boot(two)
}

func TestFilesBaked(t *testing.T) {
	m := newMachine(t)
	one := order(t, "one.service")
	m.write(m.Baked, one)
	m.boot(one)
	if _, err := m.Take(); !errors.Is(err, ErrTrying) {
		t.Errorf("a baked order that was tried in vain is tried again: %v", err)
	}
	m.complete(nil)
	m.write(filepath.Join(m.Dir, "graph"), nil) // what the machine has learned itself counts
	m.boot(nil)
	m.Dir = ""
	m.boot(one)
}

func TestFilesDamaged(t *testing.T) {
	m := newMachine(t)
	one := order(t, "one.service")
	one[len(one)/2] ^= 1
	m.write(m.next(), one)
	if taken, err := m.Take(); taken || err == nil || !exists(m.next()+".bad") || exists(m.Given) {
		t.Errorf("%v, %v", taken, err)
	}
	m.boot(nil)
}
