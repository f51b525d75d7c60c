package keys

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quick is the least work factor that age takes.
const quick = 1

func draw(t *testing.T, names ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := write(dir, names, "secret", quick); err != nil {
		t.Fatal(err)
	}
	return dir
}

func say(passphrase string) func() (string, error) {
	return func() (string, error) { return passphrase, nil }
}

func open(t *testing.T, passphrase string, dirs ...string) *Ring {
	t.Helper()
	r, err := Open(dirs, say(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSign(t *testing.T) {
	r := open(t, "secret", draw(t, "root-1"), draw(t, "targets-1"))
	for _, name := range []string{"root-1", "targets-1"} {
		key, err := r.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := r.Sign(key, []byte("message"))
		if err != nil || !r.Has(key) || !ed25519.Verify(key, []byte("message"), sig) {
			t.Errorf("%s: signature %x, %v", name, sig, err)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := draw(t, "root-1")
	text, err := os.ReadFile(filepath.Join(dir, "root-1.key"))
	if err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN AGE ENCRYPTED FILE-----")) {
		t.Errorf("private half %q, %v", text, err)
	}
	for name, mode := range map[string]os.FileMode{".": 0o700, "root-1.key": 0o600, "root-1.pub": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
}

func TestNotWrittenOver(t *testing.T) {
	dir := draw(t, "root-2")
	if err := write(dir, []string{"root-1", "root-2"}, "secret", quick); err == nil || !strings.Contains(err.Error(), "not written over") {
		t.Errorf("error %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("wrote to it: %v", entries)
	}
}

func TestRefusals(t *testing.T) {
	dir := draw(t, "root-1", "root-2")
	key, _ := open(t, "", dir).Named("root-1")
	if _, err := open(t, "wrong", dir).Sign(key, nil); err == nil || !strings.Contains(err.Error(), "root-1.key") {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if err := write(t.TempDir(), []string{"root-1"}, "", quick); err == nil {
		t.Error("draws keys without a passphrase")
	}
	if err := write(t.TempDir(), []string{"../root"}, "secret", quick); err == nil {
		t.Error("draws a key outside its folder")
	}
	if _, err := open(t, "", dir, draw(t, "root-1")).Named("root-1"); err == nil {
		t.Error("takes one of two keys of a name")
	}
	other, err := os.ReadFile(filepath.Join(dir, "root-2.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "root-1.key"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, "secret", dir).Sign(key, nil); err == nil || !strings.Contains(err.Error(), "another key's") {
		t.Errorf("halves of two keys: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "root-1.key")); err != nil {
		t.Fatal(err)
	}
	r := open(t, "secret", dir)
	if _, err := r.Sign(key, nil); err == nil || r.Has(key) {
		t.Errorf("a private half that is not there: %v", err)
	}
}
