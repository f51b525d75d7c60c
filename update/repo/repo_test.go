package repo

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/update/source"
	"clarityos/update/trust"
	"clarityos/update/trust/tuf"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// ring is Keys by name.
type ring []string

func private(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) ed25519.PublicKey { return private(name).Public().(ed25519.PublicKey) }

func (r ring) Has(key ed25519.PublicKey) bool {
	return slices.ContainsFunc(r, func(name string) bool { return public(name).Equal(key) })
}

func (r ring) Sign(key ed25519.PublicKey, message []byte) ([]byte, error) {
	for _, name := range r {
		if public(name).Equal(key) {
			return ed25519.Sign(private(name), message), nil
		}
	}
	return nil, errors.New("no such key")
}

var everyone = ring{"root-1", "root-2", "root-3", "targets-1", "snapshot-1", "timestamp-1"}

func roles() map[string]Role {
	return map[string]Role{
		"root":      {Keys: []ed25519.PublicKey{public("root-1"), public("root-2"), public("root-3")}, Threshold: 2},
		"targets":   {Keys: []ed25519.PublicKey{public("targets-1")}, Threshold: 1},
		"snapshot":  {Keys: []ed25519.PublicKey{public("snapshot-1")}, Threshold: 1},
		"timestamp": {Keys: []ed25519.PublicKey{public("timestamp-1")}, Threshold: 1},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func published(t *testing.T, p Pending, err error) {
	t.Helper()
	must(t, err)
	if p.Version != 0 {
		t.Fatalf("root %d is pending: %q", p.Version, p.Lacks)
	}
}

func open(t *testing.T, dir string, keys Keys) *Repo {
	t.Helper()
	r, err := Open(dir, keys)
	must(t, err)
	return r
}

// newRepo is a repository with one target.
func newRepo(t *testing.T) *Repo {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	p, err := Init(dir, roles(), everyone, noon)
	published(t, p, err)
	r := open(t, dir, everyone)
	must(t, r.Add(t.Context(), []Target{{"stable/demo.manifest", []byte("one")}}, nil, noon))
	return r
}

func check(t *testing.T, r *Repo, now time.Time) Report {
	t.Helper()
	report, err := Check(t.Context(), r.dir, nil, now)
	must(t, err)
	if len(report.Problems) > 0 {
		t.Fatal(report.Problems)
	}
	return report
}

func names(targets []trust.Target) (all []string) {
	for _, t := range targets {
		all = append(all, t.Name)
	}
	return all
}

func TestAdd(t *testing.T) {
	r := newRepo(t)
	two := []Target{{"testing/demo.manifest", []byte("two")}, {"demo", nil}}
	must(t, r.Add(t.Context(), two, []string{"stable/demo.manifest"}, noon))
	report := check(t, r, noon)
	if got, want := names(report.Targets), []string{"demo", "testing/demo.manifest"}; !slices.Equal(got, want) {
		t.Errorf("offers %v, want %v", got, want)
	}
	text, err := os.ReadFile(filepath.Join(r.dir, report.Targets[1].Path()))
	if err != nil || string(text) != "two" {
		t.Errorf("file %q, %v", text, err)
	}
	for name, err := range map[string]error{
		"an unsafe name":      r.Add(t.Context(), []Target{{"../x", nil}}, nil, noon),
		"what is not offered": r.Add(t.Context(), nil, []string{"x"}, noon),
	} {
		if err == nil {
			t.Errorf("changes %s", name)
		}
	}
}

func TestRefresh(t *testing.T) {
	r := newRepo(t)
	must(t, r.Refresh(noon.Add(10*day)))
	if got := check(t, r, noon.Add(16*day)).Roles; got["targets"].Version != 2 || got["snapshot"].Version != 3 || got["timestamp"].Version != 3 {
		t.Errorf("roles %v", got)
	}
	must(t, r.Refresh(noon.Add(46*day)))
	if got := check(t, r, noon.Add(46*day)).Roles["targets"]; got.Version != 3 || !got.Expires.Equal(noon.Add(136*day)) {
		t.Errorf("targets with less than half of their time left: %v", got)
	}
}

func TestCheck(t *testing.T) {
	r := newRepo(t)
	if got := check(t, r, noon.Add(4*day)).Soon; !slices.Equal(got, []string{"timestamp"}) {
		t.Errorf("soon %v", got)
	}
	_, err := Check(t.Context(), r.dir, nil, noon.Add(8*day))
	var refusal *trust.Refusal
	if !errors.As(err, &refusal) || refusal.Kind != trust.Expired || refusal.File != "metadata/timestamp.json" {
		t.Errorf("expired: %v", err)
	}
	path := filepath.Join(r.dir, check(t, r, noon).Targets[0].Path())
	must(t, os.WriteFile(path, []byte("evil"), 0o644))
	report, err := Check(t.Context(), r.dir, nil, noon)
	if err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Error(), "stable/demo.manifest") {
		t.Errorf("a changed target: %v, %v", report.Problems, err)
	}
	if _, err := Check(t.Context(), t.TempDir(), nil, noon); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no repository: %v", err)
	}
}

// TestSameBytes: the same calls make the same folder.
func TestSameBytes(t *testing.T) {
	build := func() map[string]string {
		r := newRepo(t)
		p, err := r.Rotate(Change{Role: "root", Remove: []ed25519.PublicKey{public("root-3")}}, noon)
		published(t, p, err)
		must(t, r.Refresh(noon.Add(day)))
		return tree(t, r.dir)
	}
	if a, b := build(), build(); !maps.Equal(a, b) {
		t.Errorf("\n%v\n%v", a, b)
	}
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		all[path] = string(text)
		return err
	}))
	return all
}

func TestThresholds(t *testing.T) {
	for name, change := range map[string]func(map[string]Role){
		"zero":       func(r map[string]Role) { r["targets"] = Role{Keys: r["targets"].Keys} },
		"below zero": func(r map[string]Role) { r["root"] = Role{Keys: r["root"].Keys, Threshold: -1} },
		"nobody's":   func(r map[string]Role) { delete(r, "snapshot") },
		"too many":   func(r map[string]Role) { r["root"] = Role{Keys: r["root"].Keys, Threshold: 4} },
		"one key twice": func(r map[string]Role) {
			r["targets"] = Role{Keys: []ed25519.PublicKey{public("a"), public("a")}, Threshold: 2}
		},
	} {
		all := roles()
		change(all)
		dir := filepath.Join(t.TempDir(), "repo")
		if p, err := Init(dir, all, everyone, noon); err == nil {
			t.Errorf("%s: made, pending %v", name, p)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the folder is there", name)
		}
	}
}

// TestSeveralPeople: each has one root key, on a machine of their own.
func TestSeveralPeople(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "repo")
	p, err := Init(dir, roles(), ring{"root-1", "targets-1", "snapshot-1", "timestamp-1"}, noon)
	must(t, err)
	if p.Version != 1 || !slices.Equal(p.Lacks, []string{"1 of 2 signatures by the keys of root 1"}) {
		t.Fatalf("pending %+v", p)
	}
	if err := open(t, dir, everyone).Refresh(noon); err == nil || !strings.Contains(err.Error(), "not published") {
		t.Errorf("refreshed: %v", err)
	}
	if p, err = open(t, dir, ring{"root-2"}).Sign(noon); err == nil || !strings.Contains(err.Error(), "sign targets") {
		t.Errorf("published without the keys of targets: %v, %v", p, err)
	}
	p, err = open(t, dir, ring{"targets-1", "snapshot-1", "timestamp-1"}).Sign(noon)
	published(t, p, err)
	r := open(t, dir, everyone)
	check(t, r, noon)
	if _, err := r.Sign(noon); err == nil {
		t.Error("signed a root that is not pending")
	}

	// Root 3 of 3 is replaced: it takes two of the old keys, and two of the new.
	change := Change{Role: "root", Add: []ed25519.PublicKey{public("root-4")}, Remove: []ed25519.PublicKey{public("root-3")}}
	p, err = open(t, dir, ring{"root-3", "root-4"}).Rotate(change, noon)
	must(t, err)
	if p.Version != 2 || len(p.Lacks) != 2 {
		t.Fatalf("pending %+v", p)
	}
	if _, err := r.Rotate(change, noon); err == nil {
		t.Error("rotated while a root is pending")
	}
	if got := check(t, r, noon).Roles["root"].Version; got != 1 {
		t.Errorf("a pending root is published: %d", got)
	}
	p, err = open(t, dir, ring{"root-1"}).Sign(noon)
	published(t, p, err)
	if got := check(t, r, noon).Roles["root"].Version; got != 2 {
		t.Errorf("root %d", got)
	}
}

// TestRevoke: what a revoked key signs is refused, and the repository goes on.
func TestRevoke(t *testing.T) {
	r := newRepo(t)
	p, err := r.Rotate(Change{Role: "targets", Add: []ed25519.PublicKey{public("targets-2")}, Remove: []ed25519.PublicKey{public("targets-1")}}, noon)
	if err == nil {
		t.Fatalf("published without the new key: %v", p)
	}
	p, err = open(t, r.dir, append(everyone, "targets-2")).Sign(noon)
	published(t, p, err)
	if got := check(t, r, noon).Targets; len(got) != 1 {
		t.Errorf("offers %v", got)
	}
	if err := r.Add(t.Context(), []Target{{"x", nil}}, nil, noon); err == nil || !strings.Contains(err.Error(), "sign targets") {
		t.Errorf("a revoked key adds: %v", err)
	}
	for name, c := range map[string]Change{
		"a role that is none":  {Role: "mirrors"},
		"a key that has none":  {Role: "root", Remove: []ed25519.PublicKey{public("targets-1")}},
		"the threshold's keys": {Role: "snapshot", Remove: []ed25519.PublicKey{public("snapshot-1")}},
	} {
		if _, err := r.Rotate(c, noon); err == nil {
			t.Errorf("rotates %s", name)
		}
	}
}

// client is a machine: what it has stored goes from one refresh to the next.
type client struct {
	name   string
	root   []byte
	stored map[string][]byte
}

func (c client) refresh(dir string) trust.Result {
	from, err := source.Open(dir, source.Options{})
	if err != nil {
		return trust.Result{Refusal: &trust.Refusal{Detail: err.Error()}}
	}
	defer from.Close()
	res := tuf.Refresh(trust.Request{Root: c.root, Stored: c.stored, Now: noon}, func(name string, most int64) ([]byte, error) {
		return from.Get(context.Background(), name, most)
	})
	maps.Copy(c.stored, res.Metadata)
	return res
}

// TestEachWrite has machines refresh after each file that a change writes, and has the
// change break off there: what was offered before, or what is afterwards, is trusted at
// any time, and the change succeeds when it is made again.
func TestEachWrite(t *testing.T) {
	changes := map[string]func(*Repo) (Pending, error){
		"add": func(r *Repo) (Pending, error) {
			return Pending{}, r.Add(t.Context(), []Target{{"stable/demo.manifest", []byte("two")}}, nil, noon)
		},
		"refresh":     func(r *Repo) (Pending, error) { return Pending{}, r.Refresh(noon.Add(50 * day)) },
		"renew":       rotate(Change{Role: "root"}),
		"new root":    rotate(Change{Role: "root", Add: []ed25519.PublicKey{public("root-4")}, Remove: []ed25519.PublicKey{public("root-1")}}),
		"new targets": rotate(Change{Role: "targets", Add: []ed25519.PublicKey{public("targets-2")}, Remove: []ed25519.PublicKey{public("targets-1")}}),
		"new timestamp": rotate(Change{Role: "timestamp", Add: []ed25519.PublicKey{public("timestamp-2")},
			Remove: []ed25519.PublicKey{public("timestamp-1")}}),
	}
	broken := errors.New("broken off")
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			for left := 0; ; left++ {
				r := newRepo(t)
				r.keys = append(everyone, "root-4", "targets-2", "timestamp-2")
				root, err := os.ReadFile(filepath.Join(r.dir, "metadata/1.root.json"))
				must(t, err)
				follower := client{"a follower", root, map[string][]byte{}}
				refresh := func(at string) {
					for _, c := range []client{follower, {"a new one", root, map[string][]byte{}}} {
						if res := c.refresh(r.dir); res.Refusal != nil || len(res.Targets) != 1 {
							t.Fatalf("%s, %s: targets %v, %v", c.name, at, res.Targets, res.Refusal)
						}
					}
				}
				refresh("before")
				writes := 0
				r.write = func(path string, text []byte) error {
					if writes == left {
						return broken
					}
					writes++
					err := write(path, text)
					refresh(fmt.Sprintf("after write %d, of %s", writes, path))
					return err
				}
				p, err := change(r)
				if err == nil {
					published(t, p, err)
					break
				}
				if !errors.Is(err, broken) {
					t.Fatal(err)
				}
				r.write = write
				_, err = r.Sign(noon) // where a root is pending
				if _, again := change(r); err != nil && again != nil {
					t.Fatalf("again after %d writes: %v, %v", left, err, again)
				}
				refresh("afterwards")
				check(t, r, noon)
			}
		})
	}
}

func rotate(c Change) func(*Repo) (Pending, error) {
	return func(r *Repo) (Pending, error) { return r.Rotate(c, noon) }
}
