package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"clarityos/update/etc"
	"clarityos/update/slots"
)

// The changes of /etc go along to a version that a slot had not, merged, and a slot to which the
// machine returns has those that it had.
func TestChanges(t *testing.T) {
	tmp := t.TempDir()
	dir := filepath.Join(tmp, "changes")
	put := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	has := func(path, want string) {
		t.Helper()
		if text, _ := os.ReadFile(path); string(text) != want {
			t.Errorf("%s has %q, not %q", path, text, want)
		}
	}
	// boot gives the upper folder of a slot in which a version runs, and what was said.
	boot := func(slot, version string) (string, string) {
		t.Helper()
		var said []string
		own, err := changes(dir, slots.Running{Slot: slot, Root: version}, filepath.Join(tmp, version), func(line string) { said = append(said, line) })
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(own, work)); err != nil || !info.IsDir() {
			t.Error(err)
		}
		return filepath.Join(own, upper), strings.Join(said, "\n")
	}
	put(filepath.Join(tmp, "1/settings"), "of 1\na\nb\n")
	put(filepath.Join(tmp, "1/both"), "1\n")
	put(filepath.Join(tmp, "1/gone"), "1\n")
	put(filepath.Join(tmp, "1/d/away"), "1\n")
	put(filepath.Join(tmp, "1/d/dropped"), "1\n")
	put(filepath.Join(tmp, "1/old/away"), "1\n")
	put(filepath.Join(tmp, "1/secret"), "1\n\nmine=\n")
	put(filepath.Join(tmp, "2/secret"), "2\n\nmine=\n")
	put(filepath.Join(tmp, "2/d/away"), "2\n")
	put(filepath.Join(tmp, "2/settings"), "of 2\na\nb\n")
	if err := errors.Join(os.Chmod(filepath.Join(tmp, "2/secret"), 0o600), os.Chmod(filepath.Join(tmp, "2/settings"), 0o600)); err != nil {
		t.Fatal(err)
	}
	put(filepath.Join(tmp, "2/both"), "2\n")
	put(filepath.Join(tmp, "3/settings"), "of 3\na\nb\n")

	a, _ := boot("a", "1")
	put(filepath.Join(a, "settings"), "of 1\na\nb\nmine\n")
	put(filepath.Join(a, "both"), "mine\n")
	put(filepath.Join(a, "gone"), "1\n")
	put(filepath.Join(a, "d/own"), "own\n")
	put(filepath.Join(a, "old/own"), "own\n")
	put(filepath.Join(a, "d/dropped"), "")
	put(filepath.Join(a, "secret"), "1\n\nmine=1\n")
	// nobody may make these but as an overlay does, for what was removed
	err := errors.Join(os.Symlink("own", filepath.Join(a, "d/link")), os.Chmod(filepath.Join(a, "settings"), 0o644),
		unix.Mknod(filepath.Join(a, "d/away"), unix.S_IFCHR, 0), unix.Mknod(filepath.Join(a, "old/away"), unix.S_IFCHR, 0))
	if err != nil {
		t.Fatal(err)
	}
	if again, said := boot("a", "1"); again != a || said != "" {
		t.Error(again, said)
	}
	has(filepath.Join(a, "both"), "mine\n")

	// what a power cut has left
	put(filepath.Join(dir, "b.new", upper, "settings"), "half")
	b, said := boot("b", "2")
	has(filepath.Join(b, "settings"), "of 2\na\nb\nmine\n")
	has(filepath.Join(b, "both"), "mine\n")
	has(filepath.Join(b, "d/link"), "own\n")
	if _, err := os.Lstat(filepath.Join(b, "gone")); err == nil {
		t.Error("a file that the new version does not have, and nobody has changed, is there")
	}
	has(filepath.Join(b, "secret"), "2\n\nmine=1\n")
	for name, mode := range map[string]fs.FileMode{"d/own": 0o640, "settings": 0o644, "secret": 0o600, "d/away": fs.ModeDevice | fs.ModeCharDevice} {
		if info, err := os.Lstat(filepath.Join(b, name)); err != nil || info.Mode() != mode && mode.IsRegular() || info.Mode().Type() != mode.Type() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(b, "old/away")); err == nil {
		t.Error("what is not there is said to be gone")
	}
	theirs := filepath.Join(dir, "b", base, "both")
	if has(theirs, "2\n"); !strings.Contains(said, "/etc/both") || !strings.Contains(said, theirs) {
		t.Errorf("%q was said", said)
	}
	if !strings.Contains(said, "/etc/d/dropped: ") || strings.Contains(said, filepath.Join(base, "d/dropped")) {
		t.Errorf("%q was said", said)
	}
	put(filepath.Join(b, "settings"), "of 2\na\nb\nmore\n")

	if a, said = boot("a", "1"); said != "" {
		t.Error(said)
	}
	has(filepath.Join(a, "settings"), "of 1\na\nb\nmine\n")

	// another version in the slot that had one
	b, _ = boot("b", "3")
	has(filepath.Join(b, "settings"), "of 3\na\nb\nmine\n")
	b, _ = boot("b", "2") // … by somebody who wrote it to the slot that runs
	has(filepath.Join(b, "settings"), "of 2\na\nb\nmine\n")

	// the same version, written once more
	a, _ = boot("a", "1")
	put(filepath.Join(a, "both"), "another\n")
	if err := etc.Forget(dir, "b"); err != nil {
		t.Fatal(err)
	}
	b, _ = boot("b", "2")
	has(filepath.Join(b, "both"), "another\n")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("%v, %v", left, err)
	}

	// what cannot be done leaves all as it was
	if _, err := changes(dir, slots.Running{Slot: "b", Root: "4"}, filepath.Join(tmp, "4"), func(string) {}); err == nil {
		t.Error("a version without /etc was taken")
	}
	has(filepath.Join(b, "settings"), "of 2\na\nb\nmine\n")
}
