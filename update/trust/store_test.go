package trust_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clarityos/update/trust"
)

func TestStore(t *testing.T) {
	s := trust.Store{Dir: filepath.Join(t.TempDir(), "trust")}
	if found, err := s.Load(); err != nil || len(found) > 0 {
		t.Fatalf("a new store has %v, %v", found, err)
	}
	all := map[string][]byte{"2.root.json": []byte("r2"), "timestamp.json": []byte("t"), "snapshot.json": []byte("s")}
	more := map[string][]byte{"3.root.json": []byte("r3"), "timestamp.json": []byte("t2"), "targets.json": []byte("g")}
	for _, m := range []map[string][]byte{all, more} {
		if err := s.Save(m); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(all, more)
	if found, err := s.Load(); err != nil || !maps.EqualFunc(found, all, bytes.Equal) {
		t.Errorf("loads %q, %v; want %q", found, err, all)
	}
}

// TestStoreNamesWhatIsBroken: the others are loaded nevertheless.
func TestStoreNamesWhatIsBroken(t *testing.T) {
	s := trust.Store{Dir: t.TempDir()}
	if err := s.Save(map[string][]byte{"timestamp.json": []byte("t"), "targets.json": []byte("g")}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "timestamp.json"), make([]byte, trust.MostTimestamp+1), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.Dir, "snapshot.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	found, err := s.Load()
	if !slices.Equal(slices.Collect(maps.Keys(found)), []string{"targets.json"}) {
		t.Errorf("loads %q", found)
	}
	if !errors.Is(err, trust.ErrTooLarge) || !strings.Contains(err.Error(), "timestamp.json") || !strings.Contains(err.Error(), "snapshot.json") {
		t.Errorf("error %v", err)
	}
}

func TestStoreRefuses(t *testing.T) {
	for name, length := range map[string]int{
		"../root.json": 1, "root.json": 1, "0.root.json": 1, "1.targets.json": 1, "x": 1, "": 1,
		"timestamp.json": trust.MostTimestamp + 1,
	} {
		dir := t.TempDir()
		if err := (trust.Store{Dir: dir}).Save(map[string][]byte{name: make([]byte, length)}); err == nil {
			t.Errorf("stores %q of %d bytes", name, length)
		}
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			t.Errorf("%q left %v", name, entries)
		}
	}
}
