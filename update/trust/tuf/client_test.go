package tuf_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"pgregory.net/rapid"

	"clarityos/update/trust"
	"clarityos/update/trust/tuf"
)

func TestRefresh(t *testing.T) {
	f := newForge(t)
	f.targets["testing/demo.manifest"] = "two"
	f.replace("timestamp", "timestamp-1", "timestamp-2").next()
	res := newMachine(f).refresh(f.get)
	want := []trust.Target{
		{Name: "stable/demo.manifest", Length: 3, SHA256: "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"},
		{Name: "testing/demo.manifest", Length: 3, SHA256: "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"},
	}
	if res.Refusal != nil || !slices.Equal(res.Targets, want) {
		t.Fatalf("targets %v, refusal %v", res.Targets, res.Refusal)
	}
	for role, version := range map[string]int64{"root": 2, "timestamp": 2, "snapshot": 2, "targets": 2} {
		if got := res.Roles[role]; got.Version != version || got.Expires.IsZero() {
			t.Errorf("%s is %+v, want version %d", role, got, version)
		}
	}
	if len(res.Metadata) != 4 || res.Metadata["2.root.json"] == nil {
		t.Errorf("to be stored: %d files", len(res.Metadata))
	}
}

// TestNothingNew: a machine that is up to date gets the timestamp, and asks for a root.
func TestNothingNew(t *testing.T) {
	f := newForge(t)
	m := newMachine(f)
	m.refresh(f.get)
	var got []string
	res := m.refresh(func(name string, most int64) ([]byte, error) {
		got = append(got, name)
		return f.get(name, most)
	})
	if res.Refusal != nil || len(res.Targets) != 1 || !slices.Equal(got, []string{"metadata/2.root.json", "metadata/timestamp.json"}) {
		t.Errorf("got %v, targets %v, refusal %v", got, res.Targets, res.Refusal)
	}
}

// TestEachStoredFileProtects: whichever stored files are lost or corrupt, one that is
// left keeps its role from falling back.
func TestEachStoredFileProtects(t *testing.T) {
	for _, left := range []string{"timestamp.json", "snapshot.json", "targets.json"} {
		t.Run(left, func(t *testing.T) {
			f := newForge(t)
			m := newMachine(f)
			m.refresh(f.next().get)
			for name := range m.stored {
				if name != left {
					m.stored[name] = []byte("corrupt")
				}
			}
			f.version = map[string]int64{"timestamp": 1, "snapshot": 1, "targets": 1}
			res := m.refresh(f.publish().get)
			if res.Refusal == nil || res.Refusal.Kind != trust.RolledBack {
				t.Errorf("refusal %v", res.Refusal)
			}
			if len(res.Notices) != 2 {
				t.Errorf("notices %q", res.Notices)
			}
		})
	}
}

// TestCorruptRoot: a stored root that is corrupt is named, and got again.
func TestCorruptRoot(t *testing.T) {
	f := newForge(t).nextRoot(func(*metadata.RootType) {}).nextRoot(func(*metadata.RootType) {})
	m := newMachine(f)
	m.refresh(f.get)
	m.stored["2.root.json"] = []byte("{")
	res := m.refresh(f.get)
	if res.Refusal != nil || res.Roles["root"].Version != 3 || len(res.Notices) != 1 || !strings.Contains(res.Notices[0], "2.root.json") {
		t.Errorf("root %+v, notices %q, refusal %v", res.Roles["root"], res.Notices, res.Refusal)
	}
	if string(m.stored["2.root.json"]) != string(f.published["metadata/2.root.json"]) {
		t.Error("the corrupt root stays")
	}
}

// TestManyRoots: more roots than one refresh follows are followed by several.
func TestManyRoots(t *testing.T) {
	f := newForge(t)
	for range 2*trust.MostRoots + 5 {
		f.nextRoot(func(*metadata.RootType) {})
	}
	m := newMachine(f)
	var versions []int64
	for range 3 {
		res := m.refresh(f.get)
		root := int64(0)
		for v := int64(1); v == 1 || m.stored[rootName(v)] != nil; v++ {
			root = v
		}
		versions = append(versions, root)
		if done := res.Refusal == nil; done != (root == 2*trust.MostRoots+6) {
			t.Errorf("root %d: refusal %v", root, res.Refusal)
		}
	}
	if want := []int64{33, 65, 70}; !slices.Equal(versions, want) {
		t.Errorf("stood at roots %v, want %v", versions, want)
	}
}

// TestSignedTimePasses: a clock that was reset to before a trusted timestamp was signed
// does not revive what had expired by then.
func TestSignedTimePasses(t *testing.T) {
	f := newForge(t)
	m := newMachine(f)
	f.edit["timestamp"] = func(s map[string]any) { s[tuf.SignedAt] = "2026-06-20T00:00:00Z" }
	f.expires["timestamp"] = noon.Add(30 * day)
	f.next()
	m.now = noon.Add(-day)
	m.refresh(f.get)
	res := m.refresh(f.get)
	if res.Refusal == nil || res.Refusal.Kind != trust.Expired || res.Refusal.File != "stored snapshot.json" {
		t.Errorf("refusal %v", res.Refusal)
	}
}

// TestVersionsNeverFall: whatever a publisher and an attacker who replays old states
// serve, and whichever stored files are lost, no version that a left file proves falls.
func TestVersionsNeverFall(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := newForge(t)
		m := newMachine(f)
		var states []map[string][]byte
		highest := map[string]int64{}
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "publish") {
				for role := range f.version {
					f.version[role] += int64(rapid.IntRange(0, 2).Draw(r, role))
				}
				f.publish()
			}
			state := map[string][]byte{}
			for name, text := range f.published {
				state[name] = text
			}
			states = append(states, state)
			serve := states[rapid.IntRange(0, len(states)-1).Draw(r, "serve")]
			res := m.refresh(func(name string, _ int64) ([]byte, error) {
				if text, ok := serve[name]; ok {
					return text, nil
				}
				return nil, fs.ErrNotExist
			})
			for role, now := range res.Roles {
				if now.Version < highest[role] {
					r.Fatalf("%s fell from %d to %d", role, highest[role], now.Version)
				}
				highest[role] = now.Version
			}
		}
	})
}

// FuzzMetadata has the client read whatever bytes in the place of each file, stored and
// served. What is trusted then is what was signed.
func FuzzMetadata(f *testing.F) {
	good := newForge(&testing.T{})
	good.targets["testing/demo.manifest"] = "two"
	good.next()
	want := newMachine(good).refresh(good.get).Targets
	names := []string{"metadata/1.root.json", "metadata/2.root.json", "metadata/timestamp.json", "metadata/2.snapshot.json", "metadata/2.targets.json"}
	for i := range names {
		f.Add(uint8(i), good.published[names[i]])
	}
	f.Fuzz(func(t *testing.T, at uint8, text []byte) {
		name := names[int(at)%len(names)]
		_, file, _ := strings.Cut(name, "/")
		file = strings.TrimPrefix(file, "2.")
		if strings.Contains(name, "root") {
			file = "2.root.json"
		}
		m := newMachine(good)
		m.stored[file] = text
		if name == "metadata/1.root.json" {
			m.root = text
		}
		res := m.refresh(func(n string, most int64) ([]byte, error) {
			if n == name {
				return text, nil
			}
			return good.get(n, most)
		})
		if res.Refusal == nil && !slices.Equal(res.Targets, want) {
			t.Errorf("%s of %q: trusts %v", name, text, res.Targets)
		}
	})
}

func rootName(version int64) string {
	return fmt.Sprintf("%d.root.json", version)
}
