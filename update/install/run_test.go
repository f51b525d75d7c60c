package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/update/chunks"
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
		Running: slots.Running{Slot: "a", Record: w.path("clarity-state")}, Kernel: "6.12.57-amd64", State: guid,
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
		return nil, fmt.Errorf("%s: %w", name, source.ErrMissing)
	case int64(len(b)) > most:
		return nil, fmt.Errorf("%s: %w", name, source.ErrTooLarge)
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

func TestInstall(t *testing.T) {
	w := newWorld(t)
	w.release(t, "1.0.5", nil)
	p := w.release(t, "1.1.0", nil)
	before := w.sums(t, "a", "clarity-state")
	st := w.carryOut(t, order.Order{Kind: order.Install, Who: "root"})
	if st.Error != "" || !st.Done || st.Version != "1.1.0" || !strings.Contains(st.Text, "1.1.0 is in slot b; `clarityctl reboot` starts it") {
		t.Fatalf("%+v", st)
	}
	if side := w.now(t).Side(slots.B); side.State != slots.Trying || side.Left != tries {
		t.Errorf("slot b is %+v", side)
	}
	w.installed(t, p, slots.B)
	if after := w.sums(t, "a", "clarity-state"); after != before {
		t.Error("what belongs to slot a has changed")
	}
	if st.Fetched == 0 || st.Fetched != st.Lacking || st.Fetched > st.Whole/2 {
		t.Errorf("%d bytes were fetched, of %d that were lacking, of %d", st.Fetched, st.Lacking, st.Whole)
	}
	o := order.Order{Kind: order.Install}
	if err := order.Put(w.updater().Dir, &o); !errors.Is(err, order.ErrBusy) {
		t.Errorf("another order: %v", err)
	}
	// The boot in which it is good.
	w.m.Running.Slot = "b"
	w.record(t, func(r *slots.Record) *slots.Record { return r.MarkGood(slots.B) })
	if st := w.run(t); st.Step != journal.Good || !st.Done {
		t.Errorf("%+v", st)
	}
	w.steps(t, "ordered accepted writing written installed trying good")
	if err := w.updater().Run(t.Context()); err != nil {
		t.Error(err)
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

// A version that is left is told of, and not taken again by itself.
func TestLeft(t *testing.T) {
	w := newWorld(t)
	w.release(t, "1.1.0", nil)
	if st := w.carryOut(t, order.Order{Kind: order.Install, Restart: order.AtOnce}); w.booted != 1 || st.Error != "" {
		t.Fatalf("%d restarts: %+v", w.booted, st)
	}
	w.record(t, func(r *slots.Record) *slots.Record { return r.Failed(slots.B, "it panics") })
	if st := w.run(t); st.Step != journal.Left || st.Error != "it panics" || w.booted != 1 {
		t.Errorf("%+v", st)
	}
	if st := w.carryOut(t, order.Order{Kind: order.Install}); !strings.Contains(st.Error, "was tried on this machine and left: it panics") {
		t.Errorf("%+v", st)
	}
	if st := w.carryOut(t, order.Order{Kind: order.Install, Again: true}); st.Error != "" || st.Step != journal.Trying {
		t.Errorf("%+v", st)
	}
}

func TestRollbackAndCancel(t *testing.T) {
	w := newWorld(t)
	if err := w.updater().Cancel(); err == nil || !strings.Contains(err.Error(), "no update that could be taken back") {
		t.Error(err)
	}
	if st := w.carryOut(t, order.Order{Kind: order.Rollback}); st.Error != "" || w.now(t).Side(slots.B).State != slots.Trying {
		t.Errorf("%+v", st)
	}
	if err := w.updater().Cancel(); err != nil || w.now(t).Side(slots.B).State != slots.Installed {
		t.Errorf("%v, %+v", err, w.now(t))
	}
	w.steps(t, "ordered trying canceled")
	if st := w.carryOut(t, order.Order{Kind: order.Rollback}); !strings.Contains(st.Error, "slot b is installed; what is gone back to has to be good") {
		t.Errorf("%+v", st)
	}
	w.release(t, "1.1.0", nil)
	if st := w.carryOut(t, order.Order{Kind: order.Check}); len(st.Others) != 1 || !strings.Contains(st.Text, "demo 1.1.0 is there, and 1.0.0 runs") {
		t.Errorf("%+v", st)
	}
}

// A release that is only wanted here is not tried, and is not fetched again when it is.
func TestDownload(t *testing.T) {
	w := newWorld(t)
	p := w.release(t, "1.1.0", nil)
	if st := w.carryOut(t, order.Order{Kind: order.Install, Download: true}); st.Step != journal.Downloaded || !st.Done || st.Error != "" || w.now(t).Side(slots.B).State != slots.Installed {
		t.Errorf("%+v, %+v", st, w.now(t))
	}
	w.installed(t, p, slots.B)
	if st := w.carryOut(t, order.Order{Kind: order.Install}); st.Step != journal.Trying || st.Fetched > 1000 { // forms of text are in no slot
		t.Errorf("%+v", st)
	}
}

// A machine that may not restart does not, and says why; it goes on when it is stopped.
func TestHeld(t *testing.T) {
	w := newWorld(t)
	w.release(t, "1.1.0", nil)
	w.held = &restart.Wait{Why: "a backup"}
	if err := order.Put(w.updater().Dir, &order.Order{Kind: order.Install, Restart: order.Policy}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	u := w.updater()
	u.Publish = func(s order.Status) {
		if strings.Contains(s.Text, "does not restart yet: a backup") {
			cancel()
		}
	}
	if err := u.Run(ctx); err != nil || w.booted != 0 {
		t.Errorf("%v, %d restarts", err, w.booted)
	}
	w.held = nil
	if st := w.run(t); w.booted != 1 || st.Step != journal.Trying {
		t.Errorf("%+v, %d restarts", st, w.booted)
	}
}

// What cannot be taken is refused with its reason, and nothing on the disk has changed.
func TestRefused(t *testing.T) {
	garble := func(suffix string, change func([]byte) []byte) func(*world) {
		return func(w *world) {
			for name, b := range w.offers {
				if strings.HasSuffix(name, suffix) {
					w.offers[name] = change(slices.Clone(b))
				}
			}
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	short := func(b []byte) []byte { return b[:len(b)-1] }
	long := func(b []byte) []byte { return append(b, 0) }
	for name, c := range map[string]struct {
		change func(*manifest.Manifest)
		world  func(*world)
		want   string
	}{
		"another architecture": {func(m *manifest.Manifest) { m.Arch = "arm64" }, nil, "is for arm64, and this machine is amd64"},
		"another board":        {func(m *manifest.Manifest) { m.Board = "rpi" }, nil, "is for the board rpi"},
		"a lower security":     {func(m *manifest.Manifest) { m.Security = 0 }, nil, "has security version 0, and this machine has had 1"},
		"another version":      {func(m *manifest.Manifest) { m.Version = "1.2.0" }, nil, "says that it is version 1.2.0"},
		"state":                {func(m *manifest.Manifest) { m.State = manifest.State{From: 2, To: 3} }, nil, "reads state of schema 2 to 3"},
		"a kernel": {func(m *manifest.Manifest) {
			m.Components = []manifest.Component{{Name: "x", Version: "1", Requires: []manifest.Requirement{{Name: "kernel", Range: ">= 7"}}}}
		}, nil, "needs kernel >= 7"},
		"slot too small":          {nil, func(w *world) { _ = os.Truncate(w.path("root-b"), 10*verity.Block) }, "takes a root slot of 1280 KiB, and there are 40"},
		"the slot is not good":    {nil, func(w *world) { w.m.Running.Slot = "b"; w.unmark() }, "slot b runs and is trying"},
		"manifest: a bit":         {nil, garble(".json", flip), "is not what was signed"},
		"manifest: cut short":     {nil, garble(".json", short), "is not what was signed"},
		"manifest: endless":       {nil, garble(".json", long), source.ErrTooLarge.Error()},
		"table: a bit":            {nil, garble(".table", flip), "is not the one that its manifest names"},
		"table: cut short":        {nil, garble(".table", short), "is not the one that its manifest names"},
		"table: endless":          {nil, garble(".table", long), source.ErrTooLarge.Error()},
		"nothing for it":          {nil, func(w *world) { w.names = nil }, "has nothing for demo on amd64 in channel stable"},
		"a table of another pack": {func(m *manifest.Manifest) { m.Packed.Size++ }, nil, "and the pack"},
	} {
		w := newWorld(t)
		w.release(t, "1.1.0", c.change)
		if c.world != nil {
			c.world(w)
		}
		before := w.sums(t, "")
		st := w.carryOut(t, order.Order{Kind: order.Install})
		if !strings.Contains(st.Error, c.want) || !st.Done || st.Step != journal.Failed {
			t.Errorf("%s: wanted %q: %+v", name, c.want, st)
		}
		if w.sums(t, "") != before {
			t.Errorf("%s: something on the disk has changed", name)
		}
	}
	// What is garbled in the pack is found when its turn comes: the slot is never tried.
	for name, change := range map[string]func([]byte) []byte{"pack: a bit": flip, "pack: cut short": short} {
		w := newWorld(t)
		w.release(t, "1.1.0", nil)
		garble(".pack", change)(w)
		before := w.sums(t, "a")
		st := w.carryOut(t, order.Order{Kind: order.Install})
		if st.Step != journal.Failed || !strings.Contains(st.Error, chunks.ErrCorrupt.Error()) && !strings.Contains(st.Error, source.ErrOutside.Error()) || w.now(t).Side(slots.B).State != slots.Writing || w.sums(t, "a") != before {
			t.Errorf("%s: %+v, %+v", name, st, w.now(t))
		}
	}
}

// unmark has the slot that runs be on trial.
func (w *world) unmark() {
	r := bootdisk.OpenRecord(w.path("clarity-state"))
	defer r.Close()
	if next, err := r.Now.Try(slots.Named(w.m.Running.Slot), 2); err == nil {
		_ = r.Write(next)
	}
}

// A disk that gives back something else than was written is found out.
func TestBadDisk(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "part"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, "data"); err != nil {
		t.Fatal(err)
	}
	if err := check(f, manifest.Blob{Hash: sha256.Sum256([]byte("data")), Size: 4}); err != nil {
		t.Error(err)
	}
	if err := check(f, manifest.Blob{Hash: sha256.Sum256([]byte("date")), Size: 4}); err == nil || !strings.Contains(err.Error(), "is not what was written") {
		t.Error(err)
	}
}
