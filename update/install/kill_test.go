package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clarityos/update/journal"
	"clarityos/update/manifest"
	"clarityos/update/order"
	"clarityos/update/slots"
)

// childOf names, in the environment, the folder of the world in which a process is the
// updater, and nothing else.
const childOf = "CLARITY_TEST_WORLD"

func TestMain(m *testing.M) {
	dir := os.Getenv(childOf)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := child(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(dir string) error {
	w := worldIn(dir)
	running, err := os.ReadFile(filepath.Join(dir, "running"))
	if err != nil {
		return err
	}
	w.m.Running.Slot, w.m.Version, _ = strings.Cut(string(running), " ")
	text, err := os.ReadFile(filepath.Join(dir, "names"))
	if err == nil {
		err = json.Unmarshal(text, &w.names)
	}
	if err == nil {
		err = filepath.WalkDir(filepath.Join(dir, "repository"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, _ := filepath.Rel(filepath.Join(dir, "repository"), path)
			w.offers[name], err = os.ReadFile(path)
			return err
		})
	}
	if err != nil {
		return err
	}
	return w.updater().Run(context.Background())
}

// keep writes what a world is offered to its folder, for child.
func (w *world) keep(t testing.TB) {
	t.Helper()
	text, err := json.Marshal(w.names)
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(w.dir, "names"), text, 0o600),
			os.WriteFile(filepath.Join(w.dir, "running"), []byte(w.m.Running.Slot+" "+w.m.Version), 0o600))
	}
	for name, b := range w.offers {
		path := filepath.Join(w.dir, "repository", name)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// changing are the system calls by which something on a disk changes.
var changing = []string{"pwrite64", "write", "fsync", "ftruncate", "openat", "mkdirat", "linkat", "renameat", "unlinkat", "ioctl"}

// Killed before each of its system calls that change something, the updater leaves slot A as
// it was and B either not bootable or whole, and the next one brings the order to its end.
func TestKilled(t *testing.T) {
	points := 0
	for _, call := range changing {
		for n, done := 1, false; !done; n += stride {
			t.Run(fmt.Sprintf("%s %d", call, n), func(t *testing.T) {
				done = !killed(t, call, n)
			})
			if t.Failed() {
				return
			}
			points++
		}
	}
	t.Logf("killed at %d system calls", points)
}

// killed kills an updater before its nth system call of that name, and says whether it had so
// many.
func killed(t *testing.T, call string, n int) bool {
	w := newWorld(t)
	p := w.release(t, "1.1.0", nil)
	w.ordered(t)
	before := w.sums(t, "a")
	was := w.traced(t, fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n))
	w.unharmed(t, p, before)
	if o, err := order.Read(w.updater().Dir); err != nil || o == nil {
		t.Fatalf("the order is gone: %v", err)
	}
	w.goesOn(t, p)
	return was
}

// ordered leaves an order to install what there is.
func (w *world) ordered(t testing.TB) {
	t.Helper()
	w.keep(t)
	if err := order.Put(w.updater().Dir, &order.Order{Kind: order.Install}); err != nil {
		t.Fatal(err)
	}
}

// traced runs the updater in a process of its own with something injected, as strace(1) has it,
// and says whether it was killed.
func (w *world) traced(t *testing.T, inject string) bool {
	t.Helper()
	call, _, _ := strings.Cut(strings.TrimPrefix(inject, "inject="), ":")
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+call, "-e", inject, os.Args[0])
	cmd.Env = append(os.Environ(), childOf+"="+w.dir, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err == nil || errors.As(err, &ended) && ended.Exited() {
		return false
	}
	if ended == nil || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v: %s", err, out)
	}
	return true
}

// unharmed holds slot A to be as it was, and slot B to be whole if it can be booted.
func (w *world) unharmed(t *testing.T, p made, before string) {
	t.Helper()
	if side := w.now(t).Side(slots.A); side.State != slots.Good || w.sums(t, "a") != before {
		t.Fatalf("slot a is %+v, or has changed", side)
	}
	if s := w.now(t).Side(slots.B).State; s == slots.Installed || s == slots.Trying {
		w.installed(t, p, slots.B)
	}
}

// goesOn holds the next updater to bring the order to its end.
func (w *world) goesOn(t *testing.T, p made) {
	t.Helper()
	st := w.run(t)
	if st.Error != "" || st.Step != journal.Trying || w.now(t).Side(slots.B).State != slots.Trying {
		t.Fatalf("%+v, %+v", st, w.now(t))
	}
	w.installed(t, p, slots.B)
	records, err := journal.Read(order.Journal(w.updater().Dir))
	if err != nil || len(records) == 0 || records[0].Step != journal.Ordered {
		t.Errorf("%+v, %v", records, err)
	}
	left, err := filepath.Glob(w.path("esp/*/*" + newSuffix))
	if err != nil || len(left) > 0 {
		t.Errorf("%s are left, %v", strings.Join(left, " "), err)
	}
}

// A disk that fails, or is full, at any of those system calls ends the update with that reason
// or has it begun again; slot A is as it was, and when the disk is well, an order is carried out.
func TestFailingDisk(t *testing.T) {
	points := 0
	for _, call := range []string{"pwrite64", "fadvise64", "fsync", "ftruncate", "openat", "renameat", "mkdirat"} {
		for _, e := range []string{"EIO", "ENOSPC"} {
			for n := 1; n <= failures; n += stride {
				t.Run(fmt.Sprintf("%s of %s %d", e, call, n), func(t *testing.T) {
					w := newWorld(t)
					p := w.release(t, "1.1.0", nil)
					w.ordered(t)
					before := w.sums(t, "a")
					w.traced(t, fmt.Sprintf("inject=%s:error=%s:when=%d", call, e, n))
					w.unharmed(t, p, before)
					if o, err := order.Read(w.updater().Dir); err != nil {
						t.Fatal(err)
					} else if o == nil { // it has failed, which the journal says
						if all := journal.History(w.records(t)); len(all) != 1 || all[0].Step != journal.Failed || all[0].Why == "" {
							t.Errorf("%+v", all)
						}
						w.ordered(t)
					}
					w.goesOn(t, p)
				})
				points++
			}
		}
	}
	t.Logf("%d failures", points)
}

// failures is after how many calls of a kind no more fail: an update of this size has fewer.
const failures = 60

// Updates in a row, each killed several times at random, leave nothing behind: each is good in
// the end, and what was before it is there until then.
func TestManyUpdates(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	w := newWorld(t)
	kills := 0
	for i := range updates {
		p := w.release(t, fmt.Sprintf("1.%d.0", i+1), func(m *manifest.Manifest) { m.Notes = fmt.Sprint(i) })
		w.ordered(t)
		running := w.m.Running.Slot
		for range 3 {
			call := changing[random.IntN(len(changing))]
			if w.traced(t, fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, 1+random.IntN(12))) {
				kills++
			}
			if side := w.now(t).Side(slots.Named(running)); side.State != slots.Good {
				t.Fatalf("update %d: slot %s is %+v", i, running, side)
			}
		}
		if st := w.run(t); st.Error != "" || st.Step != journal.Trying {
			t.Fatalf("update %d: %+v", i, st)
		}
		w.m.Running.Slot = slots.Named(running).Other().String()
		w.installed(t, p, slots.Named(w.m.Running.Slot))
		w.record(t, func(r *slots.Record) *slots.Record { return r.MarkGood(slots.Named(w.m.Running.Slot)) })
		w.m.Version = p.Version
		if st := w.run(t); st.Step != journal.Good {
			t.Fatalf("update %d: %+v", i, st)
		}
	}
	t.Logf("%d updates, killed %d times", updates, kills)
}
