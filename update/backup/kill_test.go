package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// childOf has, in the environment, what a process does and nothing else: make or an id that is
// restored, and the folder of its world.
const childOf = "CLARITY_TEST_BACKUP"

func TestMain(m *testing.M) {
	what, dir, is := strings.Cut(os.Getenv(childOf), " ")
	if !is {
		os.Exit(m.Run())
	}
	w := world{dir + "/store", dir + "/lib/app"}
	var err error
	if what == "make" {
		_, err = Make(context.Background(), w.store, w.request())
	} else {
		err = Restore(context.Background(), w.store, what, "/")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// changing are the system calls by which something on a disk changes, or gets there.
var changing = []string{
	"openat", "openat2", "write", "pwrite64", "ftruncate", "fsync", "syncfs", "renameat", "renameat2", "mkdirat", "linkat", "symlinkat",
	"mknodat", "unlinkat", "fchownat", "fchmodat", "lsetxattr", "lremovexattr", "utimensat",
}

// child has a process do what with a world, and strace do a thing at its nth such system call.
// It says how it has ended, and whether it had so many calls.
func (w world) child(t *testing.T, what, call, inject string, n int) (out string, came bool) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", call, inject, n), os.Args[0])
	cmd.Env = append(os.Environ(), childOf+"="+what+" "+filepath.Dir(w.store), "GOMAXPROCS=1")
	text, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatalf("%v: %s", err, text)
	}
	if ended != nil && ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL && strings.HasPrefix(inject, "signal") {
		t.Fatalf("%v: %s", err, text)
	}
	return string(text), ended != nil
}

// each does work for the nth of each system call that changes something, until there are no
// more.
func each(t *testing.T, work func(t *testing.T, call string, n int) (came bool)) {
	points := 0
	for _, call := range changing {
		for n, came := 1, true; came; n += stride {
			t.Run(fmt.Sprintf("%s %d", call, n), func(t *testing.T) { came = work(t, call, n) })
			if t.Failed() {
				return
			}
			points++
		}
	}
	t.Logf("ended at %d system calls", points)
}

// Killed before each of its system calls, a restoring leaves what there was or what is to be,
// and the next one ends in what is to be.
func TestRestoreKilled(t *testing.T) {
	each(t, func(t *testing.T, call string, n int) bool {
		w := newWorld(t)
		want := look(t, w.path)
		id := w.backup(t).ID
		must(t, os.RemoveAll(w.path+"/sub"))
		must(t, os.WriteFile(w.path+"/small", []byte("migrated"), 0o600))
		was := look(t, w.path)
		_, came := w.child(t, id, call, "signal=SIGKILL", n)
		if is := look(t, w.path); is != was && is != want || !came && is != want {
			t.Fatalf("it is neither old nor new:\n%s", is)
		}
		must(t, Restore(t.Context(), w.store, id, "/"))
		if is := look(t, w.path); is != want {
			t.Fatalf("it is\n%s\nand was\n%s", is, want)
		}
		if all, err := os.ReadDir(filepath.Dir(w.path)); err != nil || len(all) != 1 {
			t.Fatalf("%v are left, %v", all, err)
		}
		return came
	})
}

// Killed before each of its system calls, Make leaves all backups that there were, and one
// more or none; what lies at the path stays as it is.
func TestMakeKilled(t *testing.T) {
	each(t, func(t *testing.T, call string, n int) bool {
		w := newWorld(t)
		first := w.backup(t).ID
		must(t, os.WriteFile(w.path+"/large", random(300<<10, 2), 0o640))
		want := look(t, w.path)
		_, came := w.child(t, "make", call, "signal=SIGKILL", n)
		all, err := List(w.store)
		if err != nil || len(all) == 0 || all[0].ID != first || len(all) > 2 || !came && len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, i := range all {
			must(t, Verify(t.Context(), w.store, i.ID))
		}
		last := w.backup(t).ID
		must(t, os.RemoveAll(w.path))
		must(t, Restore(t.Context(), w.store, last, "/"))
		if is := look(t, w.path); is != want {
			t.Fatalf("it is\n%s\nand was\n%s", is, want)
		}
		return came
	})
}

// A disk that is full, or cannot be read, is told of in full. No backup comes of it, and
// nothing at the path changes.
func TestDiskFails(t *testing.T) {
	for _, c := range []struct{ what, call, inject, why string }{
		{"make", "write", "error=ENOSPC", "no space left on device"},
		{"make", "syncfs", "error=EIO", "input/output error"},
		{"make", "fsync", "error=EIO", "input/output error"},
		{"make", "pread64", "error=EIO", "input/output error"},
		{"restore", "pwrite64", "error=ENOSPC", "no space left on device"},
		{"restore", "syncfs", "error=EIO", "input/output error"},
		{"restore", "renameat2", "error=EBUSY", "device or resource busy"},
	} {
		w := newWorld(t)
		id := w.backup(t).ID
		must(t, os.WriteFile(w.path+"/large", random(300<<10, 2), 0o640))
		files, _ := w.files(t, "*/*/*")
		was, what := look(t, w.path), c.what
		if what == "restore" {
			what = id
		}
		out, came := w.child(t, what, c.call, c.inject, 1)
		if !came || !strings.Contains(out, c.why) || !strings.Contains(out, w.path) {
			t.Errorf("%s, %s: %s", c.what, c.call, out)
		}
		if is := look(t, w.path); is != was {
			t.Errorf("%s, %s: it is\n%s", c.what, c.call, is)
		}
		if all, err := List(w.store); err != nil || len(all) != 1 {
			t.Errorf("%s, %s: %+v, %v", c.what, c.call, all, err)
		}
		if again, _ := w.files(t, "*/*/*"); len(again) != len(files) {
			t.Errorf("%s, %s: %d chunks, of %d before", c.what, c.call, len(again), len(files))
		}
	}
}
