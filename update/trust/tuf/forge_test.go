package tuf_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"clarityos/update/trust"
	"clarityos/update/trust/tuf"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// forge makes repositories as a publisher would, or as an attacker who has some of the
// keys. Its fields are what the next make puts into the files.
type forge struct {
	t         *testing.T
	signers   map[string][]string // by role, the keys that sign
	root      *metadata.Metadata[metadata.RootType]
	version   map[string]int64 // of timestamp, snapshot and targets
	expires   map[string]time.Time
	targets   map[string]string               // content by name
	edit      map[string]func(map[string]any) // of a role's signed part, before it is signed
	published map[string][]byte
}

// key is the key of a name, always the same one.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func tufKey(t *testing.T, name string) *metadata.Key {
	t.Helper()
	k, err := metadata.KeyFromPublicKey(key(name).Public())
	must(t, err)
	return k
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newForge is a repository with one target: two of three root keys, one of each other.
func newForge(t *testing.T) *forge {
	f := &forge{
		t: t,
		signers: map[string][]string{
			"root": {"root-1", "root-2"}, "targets": {"targets-1"}, "snapshot": {"snapshot-1"}, "timestamp": {"timestamp-1"},
		},
		root:      metadata.Root(noon.Add(365 * day)),
		version:   map[string]int64{"timestamp": 1, "snapshot": 1, "targets": 1},
		expires:   map[string]time.Time{"timestamp": noon.Add(7 * day), "snapshot": noon.Add(14 * day), "targets": noon.Add(90 * day)},
		targets:   map[string]string{"stable/demo.manifest": "one"},
		edit:      map[string]func(map[string]any){},
		published: map[string][]byte{},
	}
	for role, names := range map[string][]string{
		"root": {"root-1", "root-2", "root-3"}, "targets": {"targets-1"}, "snapshot": {"snapshot-1"}, "timestamp": {"timestamp-1"},
	} {
		for _, name := range names {
			must(t, f.root.Signed.AddKey(tufKey(t, name), role))
		}
	}
	f.root.Signed.Roles["root"].Threshold = 2
	f.publishRoot()
	return f.publish()
}

// sign encodes metadata, after what edit does to it, with signatures by the keys.
func sign[T metadata.Roles](f *forge, role string, m *metadata.Metadata[T]) []byte {
	f.t.Helper()
	if edit := f.edit[role]; edit != nil {
		text, err := m.ToBytes(false)
		must(f.t, err)
		var all map[string]any
		must(f.t, json.Unmarshal(text, &all))
		edit(all["signed"].(map[string]any))
		text, err = json.Marshal(all)
		must(f.t, err)
		if m = decode[T](text); m == nil {
			return text // nothing that could be signed
		}
	}
	m.ClearSignatures()
	for _, name := range f.signers[role] {
		s, err := signature.LoadSigner(key(name), crypto.Hash(0))
		must(f.t, err)
		_, err = m.Sign(s)
		must(f.t, err)
	}
	text, err := m.ToBytes(false)
	must(f.t, err)
	return text
}

// decode is nil for what go-tuf cannot read, some of which it panics at.
func decode[T metadata.Roles](text []byte) (m *metadata.Metadata[T]) {
	defer func() { _ = recover() }()
	if read, err := new(metadata.Metadata[T]).FromBytes(text); err == nil {
		m = read
	}
	return m
}

func (f *forge) publishRoot() {
	f.published[fmt.Sprintf("metadata/%d.root.json", f.root.Signed.Version)] = sign(f, "root", f.root)
}

// nextRoot publishes a root that change makes of the last one.
func (f *forge) nextRoot(change func(*metadata.RootType)) *forge {
	f.root.Signed.Version++
	change(&f.root.Signed)
	f.publishRoot()
	return f
}

// replace has a role's only key replaced by another one.
func (f *forge) replace(role, old, by string) *forge {
	return f.nextRoot(func(r *metadata.RootType) {
		id, err := tufKey(f.t, old).ID()
		must(f.t, err)
		must(f.t, r.RevokeKey(id, role))
		must(f.t, r.AddKey(tufKey(f.t, by), role))
		f.signers[role] = []string{by}
	})
}

// publish makes targets, snapshot and timestamp of the fields.
func (f *forge) publish() *forge {
	targets := metadata.Targets(f.expires["targets"])
	targets.Signed.Version = f.version["targets"]
	for name, content := range f.targets {
		file, err := metadata.TargetFile().FromBytes(name, []byte(content))
		must(f.t, err)
		targets.Signed.Targets[name] = file
	}
	text := sign(f, "targets", targets)
	f.published[fmt.Sprintf("metadata/%d.targets.json", f.version["targets"])] = text

	snap := metadata.Snapshot(f.expires["snapshot"])
	snap.Signed.Version = f.version["snapshot"]
	snap.Signed.Meta = naming("targets.json", f.version["targets"], text)
	text = sign(f, "snapshot", snap)
	f.published[fmt.Sprintf("metadata/%d.snapshot.json", f.version["snapshot"])] = text

	ts := metadata.Timestamp(f.expires["timestamp"])
	ts.Signed.Version = f.version["timestamp"]
	ts.Signed.Meta = naming("snapshot.json", f.version["snapshot"], text)
	f.published["metadata/timestamp.json"] = sign(f, "timestamp", ts)
	return f
}

func naming(file string, version int64, text []byte) map[string]*metadata.MetaFiles {
	sum := sha256.Sum256(text)
	return map[string]*metadata.MetaFiles{file: {Version: version, Length: int64(len(text)), Hashes: metadata.Hashes{"sha256": sum[:]}}}
}

// next publishes the next version of everything but the root.
func (f *forge) next() *forge {
	for role := range f.version {
		f.version[role]++
	}
	return f.publish()
}

func (f *forge) get(name string, most int64) ([]byte, error) {
	text, ok := f.published[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case int64(len(text)) > most:
		return nil, trust.ErrTooLarge
	}
	return bytes.Clone(text), nil
}

// machine is what refreshes from a forge: its image's root, and what it has stored.
type machine struct {
	root   []byte
	stored map[string][]byte
	now    time.Time
}

func newMachine(f *forge) *machine {
	return &machine{root: f.published["metadata/1.root.json"], stored: map[string][]byte{}, now: noon}
}

// refresh refreshes and stores what is to be stored.
func (m *machine) refresh(get tuf.Get) trust.Result {
	res := tuf.Refresh(trust.Request{Root: m.root, Stored: m.stored, Now: m.now}, get)
	for name, text := range res.Metadata {
		m.stored[name] = text
	}
	return res
}
