package setup

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clarityos/services/plan"
)

func TestRules(t *testing.T) {
	dir := t.TempDir()
	rule := func(kind, path string, change ...func(*plan.FileRule)) plan.FileRule {
		r := plan.FileRule{Type: kind, Path: dir + path, UID: -1, GID: -1}
		for _, c := range change {
			c(&r)
		}
		return r
	}
	mode := func(m uint32) func(*plan.FileRule) { return func(r *plan.FileRule) { r.Mode, r.ModeSet = m, true } }
	text := func(s string) func(*plan.FileRule) { return func(r *plan.FileRule) { r.Argument = s } }
	rules := []plan.FileRule{
		rule("d", "/a/b", mode(0o750)), rule("f", "/a/f", text("first")), rule("f", "/a/f", text("second")),
		rule("f+", "/a/g", text("old")), rule("f+", "/a/g", text("new"), mode(0o600)), rule("L", "/a/l", text("f")),
		rule("L", "/a/l", text("g")), rule("L+", "/a/m", text("f")), rule("w", "/a/none", text("x")), rule("p", "/a/p"),
		rule("C", "/a/copy", text(dir+"/a/b")), rule("e", "/a/missing"), rule("d", "/a/gone"), rule("r", "/a/gone"), rule("z", "/a/f*", mode(0o604)),
	}
	for range 2 { // a second pass changes nothing
		for _, r := range rules {
			if err := applyRule(r); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
		}
		read := func(name string) string { b, _ := os.ReadFile(dir + name); return string(b) }
		perm := func(name string) fs.FileMode { info, _ := os.Lstat(dir + name); return info.Mode() }
		link := func(name string) string { s, _ := os.Readlink(dir + name); return s }
		if read("/a/f") != "first" || read("/a/g") != "new" || link("/a/l") != "f" || link("/a/m") != "f" {
			t.Errorf("%q %q %q %q", read("/a/f"), read("/a/g"), link("/a/l"), link("/a/m"))
		}
		if perm("/a/b").Perm() != 0o750 || perm("/a/g").Perm() != 0o600 || perm("/a/f").Perm() != 0o604 || perm("/a/copy").Perm() != 0o750 {
			t.Errorf("%v %v %v %v", perm("/a/b"), perm("/a/g"), perm("/a/f"), perm("/a/copy"))
		}
		if perm("/a/p")&fs.ModeNamedPipe == 0 {
			t.Errorf("%v", perm("/a/p"))
		}
		for _, name := range []string{"/a/none", "/a/missing", "/a/gone"} {
			if _, err := os.Lstat(dir + name); err == nil {
				t.Errorf("%s is there", name)
			}
		}
	}
}

// A link that a service put in place of its folder is left alone: nothing
// behind it changes.
func TestRuleFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"d", "f+", "z"} {
		_ = applyRule(plan.FileRule{Type: kind, Path: dir + "/link", Mode: 0o777, ModeSet: true, UID: -1, GID: -1, Argument: "y"})
		info, err := os.Stat(secret)
		if b, _ := os.ReadFile(secret); err != nil || info.Mode().Perm() != 0o600 || string(b) != "x" {
			t.Errorf("%s: %v %q %v", kind, info.Mode(), b, err)
		}
	}
}

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(from+"/lib/x", 0o711); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"/lib/x/a": "new", "/lib/x/b": "new"} {
		if err := os.WriteFile(from+name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyTree(from, to, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to + "/lib/x/a"); err == nil {
		t.Error("a file was copied although only folders were asked for")
	}
	if err := os.WriteFile(to+"/lib/x/a", []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(from, to, true); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(to + "/lib/x/a")
	b, _ := os.ReadFile(to + "/lib/x/b")
	info, err := os.Stat(to + "/lib/x/b")
	if string(a) != "kept" || string(b) != "new" || err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%q %q %v %v", a, b, info, err)
	}
}

func TestExt4Label(t *testing.T) {
	head := make([]byte, headSize)
	if _, ok := ext4Label(head); ok || !allZero(head) {
		t.Error("zeros are taken for a file system")
	}
	binary.LittleEndian.PutUint16(head[superblock+sbMagic:], ext4Magic)
	copy(head[superblock+sbLabel:], "clarity-var")
	if l, ok := ext4Label(head); !ok || l != "clarity-var" || allZero(head) {
		t.Errorf("%q %v", l, ok)
	}
}

func TestReset(t *testing.T) {
	const etc, log, found = "lib/clarity/etc/upper/hosts", "log/boot", "lost+found/1"
	for order, left := range map[string][]string{"": {etc, log, found}, "etc": {log, found}, "all": {found}} {
		dir := t.TempDir()
		for _, f := range []string{etc, log, found} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o755), os.WriteFile(filepath.Join(dir, f), nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		if order != "" {
			if err := os.WriteFile(filepath.Join(dir, ResetFile), []byte(order), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, err := reset(dir, func(string) {})
		if err != nil || all != (order == "all") {
			t.Errorf("%q: %v, %v", order, all, err)
		}
		// One that is not whole yet is done again after a power cut.
		if _, err := os.Stat(filepath.Join(dir, ResetFile)); (err == nil) != (order == "all") {
			t.Errorf("%q: %v", order, err)
		}
		var have []string
		for _, f := range []string{etc, log, found} {
			if _, err := os.Stat(filepath.Join(dir, f)); err == nil {
				have = append(have, f)
			}
		}
		if !slices.Equal(have, left) {
			t.Errorf("%q: left %q", order, have)
		}
	}
}
