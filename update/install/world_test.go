package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/update/installed"
	"clarityos/update/journal"
	"clarityos/update/loader"
	"clarityos/update/manifest"
	"clarityos/update/order"
	"clarityos/update/restart"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/source"
	"clarityos/update/trust"
	"clarityos/update/verity"
)

// world is a machine whose disk is files in a folder, and what it is offered.
type world struct {
	dir    string
	m      *Machine
	offers map[string][]byte // files of the repository
	names  []trust.Target
	told   []order.Status
	booted int   // how often a restart was asked for
	held   error // why the machine may not restart
}

const guid = "11111111-2222-3333-4444-555555555555"

// newWorld has a good system in slot A, and another one in B.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := worldIn(t.TempDir())
	rec := &slots.Record{Default: slots.A}
	for s, seed := range map[slots.Slot]byte{slots.A: 1, slots.B: 2} {
		root := noise(300*verity.Block, seed)
		tree := treeOf(t, root)
		w.file(t, "root-"+s.String(), append(root, make([]byte, 100*verity.Block)...))
		w.file(t, "verity-"+s.String(), append(bytesOf(t, tree), make([]byte, 10*verity.Block)...))
		w.file(t, "esp/"+loader.Paths(s)[0], []byte("options "+loader.StateWord+guid))
		w.file(t, "esp/"+loader.Paths(s)[1], noise(200<<10, 10+seed))
		w.file(t, "esp/"+loader.Entry(s)+"/old", []byte("of before"))
		*rec.Side(s) = slots.Side{State: slots.Good, Root: tree.Root, Version: "1.0.0", Security: 1}
	}
	w.file(t, "clarity-state", make([]byte, 16<<20))
	w.record(t, func(*slots.Record) *slots.Record { return rec })
	return w
}

// worldIn is the one whose disk is in a folder.
func worldIn(dir string) *world {
	w := &world{dir: dir, offers: map[string][]byte{}}
	w.m = &Machine{
		Image:   installed.Image{Name: "demo", Version: "1.0.0", Arch: "amd64", Security: 1, Channel: "stable", Schema: 1},
		Running: slots.Running{Slot: "a", Record: w.path("clarity-state")}, Kernel: "6.12.57-amd64", State: guid, Etc: w.path("etc"),
		Device:     func(name string) (string, error) { return w.path(name), nil },
		Mend:       func() error { return nil },
		ESP:        func(work func(string) error) error { return work(w.path("esp")) },
		Reboot:     func(context.Context, restart.Entry) error { w.booted++; return nil },
		MayRestart: func(order.Restart) error { return w.held },
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, "disk", name) }

func (w *world) file(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(w.path(name)), 0o755), os.WriteFile(w.path(name), b, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func treeOf(t testing.TB, root []byte) *verity.Tree {
	t.Helper()
	tree, err := verity.Make(bytes.NewReader(root), []byte("salt"), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func bytesOf(t testing.TB, tree *verity.Tree) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// record changes the record of slots, or with a change to nil only reads it.
func (w *world) record(t testing.TB, change func(*slots.Record) *slots.Record) *slots.Record {
	t.Helper()
	r := bootdisk.OpenRecord(w.path("clarity-state"))
	defer r.Close()
	if next := change(r.Now); next != nil {
		if err := r.Write(next); err != nil {
			t.Fatal(err)
		}
	}
	return r.Now
}

func (w *world) now(t testing.TB) *slots.Record {
	return w.record(t, func(*slots.Record) *slots.Record { return nil })
}

// release offers a version, after it was changed.
func (w *world) release(t testing.TB, version string, change func(*manifest.Manifest)) made {
	t.Helper()
	root := slices.Concat(noise(300*verity.Block, 1)[:200*verity.Block], noise(20*verity.Block, byte(3+len(w.names))), noise(300*verity.Block, 1)[200*verity.Block:])
	tree := treeOf(t, root)
	entry := []byte("title " + manifest.SlotWord + "\noptions x " + loader.StateWord + manifest.StateWord + "\n")
	p := pack(t, root, bytesOf(t, tree), entry, noise(210<<10, 11), noise(90<<10, 5))
	m := p.Manifest
	m.Format, m.Name, m.Version, m.Security, m.Arch, m.Kernel = manifest.Format, "demo", version, 1, "amd64", "6.12.57-amd64"
	m.State, m.Restart, m.Health, m.Hash = manifest.State{From: 1, To: 1}, manifest.Restart, manifest.Health{For: 1, Within: 2}, manifest.Hash(tree.Root)
	for i, path := range []string{manifest.EntryPath, manifest.FolderPath + "vmlinuz", manifest.FolderPath + "initrd"} {
		m.Boot[i].Path = path
	}
	m.Boot[0].Text = true
	if change != nil {
		change(m)
	}
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	target := trust.Target{Name: manifest.Target("stable", "demo", "amd64", version), Length: int64(len(text)), SHA256: fmt.Sprintf("%x", sha256.Sum256(text))}
	w.names = append(w.names, target)
	w.offers[target.Path()] = text
	w.offers[m.Table.Name(manifest.TableSuffix)] = p.Table.Encode()
	w.offers[m.Packed.Name(manifest.PackSuffix)] = p.pack
	return p
}

// repository is a source of what a world is offered.
type repository struct{ w *world }

func (r repository) String() string { return "a repository" }
func (r repository) Close() error   { return nil }
func (r repository) Get(_ context.Context, name string, most int64) ([]byte, error) {
	b, has := r.w.offers[name]
	switch {
	case !has:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case int64(len(b)) > most:
		return nil, fmt.Errorf("%s: %w", name, trust.ErrTooLarge)
	}
	return b, nil
}

func (r repository) ReadRanges(ctx context.Context, name string, ranges []source.Range, each func(int, []byte) error) error {
	b, err := r.Get(ctx, name, 1<<40)
	if err != nil {
		return err
	}
	if last := ranges[len(ranges)-1]; last.At+last.Length > int64(len(b)) {
		return fmt.Errorf("%s: %w", name, source.ErrOutside)
	}
	return (&line{pack: b, left: -1}).ReadRanges(ctx, name, ranges, each)
}

// updater is a new one, as after each boot or crash.
func (w *world) updater() *Updater {
	return &Updater{
		Dir: filepath.Join(w.dir, "updates"), Status: filepath.Join(w.dir, "status"), Machine: w.m,
		Open: func(string) (source.Source, error) { return repository{w}, nil },
		Refresh: func(context.Context, source.Source) (trust.Result, error) {
			return trust.Result{Targets: w.names}, nil
		},
		Say: func(string) {}, Publish: func(s order.Status) { w.told = append(w.told, s) }, Now: time.Now,
	}
}

// carryOut puts an order, and runs the updater once.
func (w *world) carryOut(t testing.TB, o order.Order) order.Status {
	t.Helper()
	if err := order.Put(w.updater().Dir, &o); err != nil {
		t.Fatal(err)
	}
	return w.run(t)
}

func (w *world) run(t testing.TB) order.Status {
	t.Helper()
	if err := w.updater().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.told) == 0 {
		t.Fatal("nothing was told")
	}
	return w.told[len(w.told)-1]
}

// installed holds a slot to have a release, all of it.
func (w *world) installed(t testing.TB, p made, s slots.Slot) {
	t.Helper()
	side := w.now(t).Side(s)
	if side.Version != p.Version || side.Root != [32]byte(p.Hash) || side.Security != p.Security {
		t.Errorf("slot %v is %+v", s, side)
	}
	for i, name := range []string{"root-" + s.String(), "verity-" + s.String(), "", "esp/" + loader.Paths(s)[1], "esp/" + loader.Paths(s)[2]} {
		if name == "" {
			continue
		}
		got, err := os.ReadFile(w.path(name))
		if err != nil || !bytes.HasPrefix(got, p.data[i]) || i > 2 && len(got) != len(p.data[i]) {
			t.Errorf("%s is not what the release has, %v", name, err)
		}
	}
	entry, err := os.ReadFile(w.path("esp/" + loader.Paths(s)[0]))
	if want := fmt.Sprintf("title %v\noptions x %s%s\n", s, loader.StateWord, guid); err != nil || string(entry) != want {
		t.Errorf("the boot entry is %q, %v", entry, err)
	}
	if err := loader.Check(os.DirFS(w.path("esp")), s, side.Boot); err != nil || side.Boot == [32]byte{} {
		t.Errorf("the loader's files: %v", err)
	}
}

func (w *world) records(t testing.TB) []journal.Record {
	t.Helper()
	records, err := journal.Read(order.Journal(w.updater().Dir))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// steps holds the journal of the latest update to be so.
func (w *world) steps(t testing.TB, want string) {
	t.Helper()
	records := w.records(t)
	var got []string
	for _, r := range records {
		if r.Update == records[len(records)-1].Update {
			got = append(got, string(r.Step))
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("the journal has %q, and not %s", got, want)
	}
}

// sums is of all files on the disk whose names have a part of these in them.
func (w *world) sums(t testing.TB, of ...string) string {
	t.Helper()
	all := sha256.New()
	err := filepath.WalkDir(w.path(""), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(w.path(""), path)
		mine := func(s string) bool {
			return s == "" || name == s || strings.Contains(name, "-"+s+"/") || strings.HasSuffix(strings.TrimSuffix(name, ".conf"), "-"+s)
		}
		if !slices.ContainsFunc(of, mine) || name == "clarity-state" && !slices.Contains(of, "") {
			return nil
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(all, "%s %x\n", name, sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", all.Sum(nil))
}
