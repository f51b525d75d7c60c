package tuf_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"clarityos/update/trust"
)

// TestAttacks are those of the specification (1.5.2) and more: a machine has refreshed
// once from a good repository when the attack begins.
func TestAttacks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		attack func(*forge, *machine)
		kind   trust.Kind
		file   string
		says   string
	}{
		{"arbitrary installation: unsigned targets", func(f *forge, _ *machine) {
			f.signers["targets"] = nil
			f.targets["stable/demo.manifest"] = "evil"
			f.next()
		}, trust.WrongSignature, "metadata/2.targets.json", "got 0, want 1"},
		{"arbitrary installation: the attacker's own keys", func(f *forge, _ *machine) {
			for role := range f.signers {
				f.signers[role] = []string{"evil"}
			}
			f.next()
		}, trust.WrongSignature, "metadata/timestamp.json", "got 0, want 1"},
		{"wrong software: content changed after it was signed", func(f *forge, _ *machine) {
			f.next()
			f.published["metadata/2.targets.json"] = bytes.Replace(f.published["metadata/2.targets.json"], []byte("demo"), []byte("evil"), 1)
		}, trust.Mixed, "metadata/2.targets.json", "mismatch"},
		{"endless data: timestamp", func(f *forge, _ *machine) {
			f.published["metadata/timestamp.json"] = bytes.Repeat([]byte(" "), trust.MostTimestamp+1)
		}, trust.TooLarge, "metadata/timestamp.json", "longer"},
		{"endless data: root", func(f *forge, _ *machine) {
			f.published["metadata/2.root.json"] = bytes.Repeat([]byte(" "), trust.MostRoot+1)
		}, trust.TooLarge, "metadata/2.root.json", "longer"},
		{"endless data: snapshot longer than the timestamp says", func(f *forge, _ *machine) {
			f.next()
			f.published["metadata/2.snapshot.json"] = append(f.published["metadata/2.snapshot.json"], ' ')
		}, trust.TooLarge, "metadata/2.snapshot.json", "longer"},
		{"endless data: a signed length beyond the limit", func(f *forge, _ *machine) {
			f.edit["timestamp"] = func(m map[string]any) {
				m["meta"].(map[string]any)["snapshot.json"].(map[string]any)["length"] = trust.MostSnapshot + 1
			}
			f.next()
		}, trust.TooLarge, "metadata/2.snapshot.json", "at most 2097152"},
		{"endless roots", func(f *forge, _ *machine) {
			for range trust.MostRoots + 1 {
				f.nextRoot(func(*metadata.RootType) {})
			}
		}, trust.TooLarge, "metadata/34.root.json", "more than 32 new roots"},
		{"indefinite freeze: the timestamp is withheld", func(_ *forge, m *machine) {
			m.now = noon.Add(7 * day)
		}, trust.Expired, "metadata/timestamp.json", "at 2026-06-08T12:00:00Z, and it is 2026-06-08T12:00:00Z"},
		{"indefinite freeze: the snapshot", func(f *forge, m *machine) {
			m.now = noon.Add(14 * day)
			f.version["timestamp"]++
			f.expires["timestamp"] = noon.Add(30 * day)
			f.publish()
		}, trust.Expired, "stored snapshot.json", "at 2026-06-15"},
		{"indefinite freeze: the targets", func(f *forge, m *machine) {
			m.now = noon.Add(90 * day)
			f.expires["timestamp"], f.expires["snapshot"] = noon.Add(100*day), noon.Add(100*day)
			f.version["timestamp"], f.version["snapshot"] = 2, 2
			f.publish()
		}, trust.Expired, "stored targets.json", "at 2026-08-30"},
		{"indefinite freeze: the root", func(f *forge, m *machine) {
			m.now = noon.Add(365 * day)
			f.expires["timestamp"] = noon.Add(400 * day)
			f.next()
		}, trust.Expired, "metadata/1.root.json", "at 2027-06-01"},
		{"malicious mirror: nothing there", func(f *forge, _ *machine) {
			clear(f.published)
		}, trust.Missing, "metadata/timestamp.json", "not exist"},
		{"malicious mirror: a page instead of metadata", func(f *forge, _ *machine) {
			f.published["metadata/timestamp.json"] = []byte("<!DOCTYPE html><title>Sign in</title>")
		}, trust.Malformed, "metadata/timestamp.json", "invalid character"},
		{"mix and match: another snapshot of the same version", func(f *forge, _ *machine) {
			f.next()
			stamp := f.published["metadata/timestamp.json"]
			f.targets["stable/demo.manifest"] = "two"
			f.publish()
			f.published["metadata/timestamp.json"] = stamp
		}, trust.Mixed, "metadata/2.snapshot.json", "mismatch"},
		{"mix and match: old targets under a new name", func(f *forge, _ *machine) {
			old := f.published["metadata/1.targets.json"]
			f.next()
			f.published["metadata/2.targets.json"] = old
		}, trust.Mixed, "metadata/2.targets.json", "mismatch"},
		{"mix and match: a version that its own snapshot does not name", func(f *forge, _ *machine) {
			f.edit["targets"] = func(m map[string]any) { m["version"] = 7 }
			f.next()
		}, trust.Mixed, "metadata/2.targets.json", "expected targets version 2, got 7"},
		{"rollback: timestamp", func(f *forge, m *machine) {
			old := f.published["metadata/timestamp.json"]
			m.refresh(f.next().get)
			f.published["metadata/timestamp.json"] = old
		}, trust.RolledBack, "metadata/timestamp.json", "version 1, but this machine has trusted version 2"},
		{"rollback: snapshot, by who has the timestamp's key", func(f *forge, m *machine) {
			m.refresh(f.next().get)
			f.version["snapshot"], f.version["timestamp"] = 1, 3
			f.publish()
		}, trust.RolledBack, "metadata/timestamp.json", "snapshot version 1, but this machine has trusted version 2"},
		{"rollback: targets, by who has the snapshot's key too", func(f *forge, m *machine) {
			m.refresh(f.next().get)
			f.version["targets"], f.version["snapshot"], f.version["timestamp"] = 1, 3, 3
			f.publish()
		}, trust.RolledBack, "metadata/3.snapshot.json", "targets version 1, but this machine has trusted version 2"},
		{"rollback: root under a new name", func(f *forge, _ *machine) {
			f.published["metadata/2.root.json"] = f.published["metadata/1.root.json"]
		}, trust.RolledBack, "metadata/2.root.json", "expected 2, got 1"},
		{"rollback: the stored root is withheld", func(f *forge, m *machine) {
			old := f.published["metadata/timestamp.json"]
			f.replace("timestamp", "timestamp-1", "timestamp-2").next()
			m.refresh(f.get)
			delete(f.published, "metadata/2.root.json")
			f.published["metadata/timestamp.json"] = old
		}, trust.WrongSignature, "metadata/timestamp.json", "got 0, want 1"},
		{"key compromise: one root key is below the threshold", func(f *forge, _ *machine) {
			f.signers["root"] = []string{"root-1"}
			f.replace("targets", "targets-1", "evil")
		}, trust.WrongSignature, "metadata/2.root.json", "got 1, want 2"},
		{"key compromise: one root key signs twice", func(f *forge, _ *machine) {
			f.replace("targets", "targets-1", "evil")
			var root map[string]any
			must(f.t, json.Unmarshal(f.published["metadata/2.root.json"], &root))
			sigs := root["signatures"].([]any)
			root["signatures"] = []any{sigs[0], sigs[0]}
			text, err := json.Marshal(root)
			must(f.t, err)
			f.published["metadata/2.root.json"] = text
		}, trust.Malformed, "metadata/2.root.json", "multiple signatures"},
		{"key compromise: new root keys sign for themselves", func(f *forge, _ *machine) {
			f.signers["root"] = []string{"evil-1", "evil-2"}
			f.nextRoot(func(r *metadata.RootType) {
				r.Roles["root"].KeyIDs = nil
				must(f.t, r.AddKey(tufKey(f.t, "evil-1"), "root"))
				must(f.t, r.AddKey(tufKey(f.t, "evil-2"), "root"))
			})
		}, trust.WrongSignature, "metadata/2.root.json", "got 0, want 2"},
		{"key compromise: a key that was revoked", func(f *forge, _ *machine) {
			f.replace("targets", "targets-1", "targets-2")
			f.signers["targets"] = []string{"targets-1"}
			f.next()
		}, trust.WrongSignature, "metadata/2.targets.json", "got 0, want 1"},
		{"CVE-2026-23991: valid JSON that is no metadata", func(f *forge, _ *machine) {
			f.published["metadata/timestamp.json"] = []byte(`{"signed":[]}`)
		}, trust.Malformed, "metadata/timestamp.json", "signed"},
		{"CVE-2026-23991's kin: null where a file is named", func(f *forge, _ *machine) {
			f.edit["timestamp"] = func(m map[string]any) { m["meta"] = map[string]any{"snapshot.json": nil} }
			f.next()
		}, trust.Malformed, "metadata/timestamp.json", "does not give version"},
		{"CVE-2026-23991's kin: null for a target", func(f *forge, _ *machine) {
			f.edit["targets"] = func(m map[string]any) { m["targets"] = map[string]any{"demo": nil} }
			f.next()
		}, trust.Malformed, "metadata/2.targets.json", "its reader gave up"},
		{"CVE-2026-23991's kin: null for a role", func(f *forge, _ *machine) {
			f.edit["root"] = func(m map[string]any) { m["roles"].(map[string]any)["timestamp"] = nil }
			f.nextRoot(func(*metadata.RootType) {})
		}, trust.Malformed, "metadata/2.root.json", "role timestamp"},
		{"CVE-2026-23992: a threshold of zero", func(f *forge, _ *machine) {
			f.nextRoot(func(r *metadata.RootType) { r.Roles["targets"].Threshold = 0 })
			f.signers["targets"] = nil
			f.next()
		}, trust.Malformed, "metadata/2.root.json", "role targets has no threshold"},
		{"CVE-2026-23992's kin: one key under two identifiers", func(f *forge, _ *machine) {
			f.nextRoot(func(r *metadata.RootType) {
				id, err := tufKey(f.t, "targets-1").ID()
				must(f.t, err)
				r.Keys["other"] = r.Keys[id]
				r.Roles["targets"].KeyIDs = []string{id, "other"}
				r.Roles["targets"].Threshold = 2
			})
			f.next()
		}, trust.WrongSignature, "metadata/2.targets.json", "got 1, want 2"},
		{"CVE-2026-24686's kin: a target's name leaves its folder", func(f *forge, _ *machine) {
			f.targets["../../etc/passwd"] = "evil"
			f.next()
		}, trust.Malformed, "metadata/2.targets.json", "target name"},
		{"CVE-2026-24686's kin: an absolute name", func(f *forge, _ *machine) {
			f.targets["/etc/passwd"] = "evil"
			f.next()
		}, trust.Malformed, "metadata/2.targets.json", "target name"},
		{"a snapshot without hashes", func(f *forge, _ *machine) {
			f.edit["snapshot"] = func(m map[string]any) {
				m["meta"] = map[string]any{"targets.json": map[string]any{"version": 2}}
			}
			f.next()
		}, trust.Malformed, "metadata/2.snapshot.json", "length and SHA-256 of targets.json"},
		{"a root by another specification", func(f *forge, _ *machine) {
			f.nextRoot(func(r *metadata.RootType) { r.SpecVersion = "2.0.0" })
		}, trust.Malformed, "metadata/2.root.json", "version \"2.0.0\""},
		{"a root without consistent snapshots", func(f *forge, _ *machine) {
			f.nextRoot(func(r *metadata.RootType) { r.ConsistentSnapshot = false })
		}, trust.Malformed, "metadata/2.root.json", "consistent snapshots"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newForge(t)
			m := newMachine(f)
			if res := m.refresh(f.get); res.Refusal != nil {
				t.Fatalf("the good repository: %v", res.Refusal)
			}
			tt.attack(f, m)
			res := m.refresh(f.get)
			if res.Refusal == nil {
				t.Fatalf("trusted %v", res.Targets)
			}
			if res.Refusal.Kind != tt.kind || res.Refusal.File != tt.file || !strings.Contains(res.Refusal.Detail, tt.says) {
				t.Errorf("refused as %q\nwant kind %q, file %q, %q", res.Refusal, tt.kind, tt.file, tt.says)
			}
			if len(res.Targets) > 0 {
				t.Errorf("offers %v in spite of %v", res.Targets, res.Refusal)
			}
		})
	}
}

// TestFastForward has a thief of the online keys sign the highest versions. The machine
// can go on once the keys are rotated, and not before.
func TestFastForward(t *testing.T) {
	f := newForge(t)
	m := newMachine(f)
	for _, role := range []string{"timestamp", "snapshot"} {
		f.version[role] = 1 << 30
	}
	if res := m.refresh(f.publish().get); res.Refusal != nil {
		t.Fatalf("the thief's: %v", res.Refusal)
	}
	f.version = map[string]int64{"timestamp": 2, "snapshot": 2, "targets": 2}
	if res := m.refresh(f.publish().get); res.Refusal == nil || res.Refusal.Kind != trust.RolledBack {
		t.Fatalf("before the rotation: %v", res.Refusal)
	}
	f.replace("timestamp", "timestamp-1", "timestamp-2").replace("snapshot", "snapshot-1", "snapshot-2")
	res := m.refresh(f.publish().get)
	if res.Refusal != nil {
		t.Fatalf("after the rotation: %v", res.Refusal)
	}
	if len(res.Notices) != 2 || !strings.Contains(strings.Join(res.Notices, "\n"), "stored timestamp.json") {
		t.Errorf("notices %q", res.Notices)
	}
}

// TestExtraneousDelegation: what a delegated role offers is not offered to a machine.
func TestExtraneousDelegation(t *testing.T) {
	f := newForge(t)
	f.edit["targets"] = func(m map[string]any) {
		m["delegations"] = map[string]any{"keys": map[string]any{}, "roles": []any{map[string]any{
			"name": "../../evil", "keyids": []any{}, "threshold": 0, "terminating": false, "paths": []any{"*"}}}}
	}
	f.next()
	res := newMachine(f).refresh(func(name string, most int64) ([]byte, error) {
		if strings.Contains(name, "evil") {
			return nil, fmt.Errorf("%s is asked for", name)
		}
		return f.get(name, most)
	})
	if res.Refusal != nil || len(res.Targets) != 1 {
		t.Errorf("targets %v, refusal %v", res.Targets, res.Refusal)
	}
}
