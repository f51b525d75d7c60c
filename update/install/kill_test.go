package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clarityos/update/journal"
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
		err = os.WriteFile(filepath.Join(w.dir, "names"), text, 0o600)
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
	w.keep(t)
	if err := order.Put(w.updater().Dir, &order.Order{Kind: order.Install}); err != nil {
		t.Fatal(err)
	}
	before := w.sums(t, "a")
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", call, n), os.Args[0])
	cmd.Env = append(os.Environ(), childOf+"="+w.dir, "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !(errors.As(err, &ended) && ended.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL) {
		t.Fatalf("%v: %s", err, out)
	}
	if side := w.now(t).Side(slots.A); side.State != slots.Good || w.sums(t, "a") != before {
		t.Fatalf("slot a is %+v, or has changed", side)
	}
	if s := w.now(t).Side(slots.B).State; s == slots.Installed || s == slots.Trying {
		w.installed(t, p, slots.B)
	}
	if o, err := order.Read(w.updater().Dir); err != nil || o == nil {
		t.Fatalf("the order is gone: %v", err)
	}
	st := w.run(t)
	if st.Error != "" || st.Step != journal.Trying || w.now(t).Side(slots.B).State != slots.Trying {
		t.Fatalf("%+v, %+v", st, w.now(t))
	}
	w.installed(t, p, slots.B)
	records, err := journal.Read(filepath.Join(w.updater().Dir, "journal"))
	if err != nil || len(records) == 0 || records[0].Step != journal.Ordered {
		t.Errorf("%+v, %v", records, err)
	}
	left, err := filepath.Glob(w.path("esp/*/*" + newSuffix))
	if err != nil || len(left) > 0 {
		t.Errorf("%s are left, %v", strings.Join(left, " "), err)
	}
	return ended != nil
}
