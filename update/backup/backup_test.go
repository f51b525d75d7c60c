package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/update/backup/index"
	"clarityos/update/chunks"
)

// world is a store and a path with something at it.
type world struct {
	store string
	path  string
}

func newWorld(t *testing.T) world {
	dir := t.TempDir()
	w := world{dir + "/store", dir + "/lib/app"}
	must(t, os.MkdirAll(w.path+"/sub", 0o750))
	must(t, os.WriteFile(w.path+"/large", random(1<<20, 1), 0o640))
	must(t, os.WriteFile(w.path+"/small", []byte("text"), 0o600))
	must(t, os.Link(w.path+"/small", w.path+"/sub/other"))
	must(t, os.Symlink("../small", w.path+"/sub/link"))
	return w
}

func (w world) request() Request {
	return Request{Cause: index.Update, Version: "1.0.0", Schema: 3, Paths: []index.Path{index.Path(w.path)}, Time: time.Unix(1e9, 0)}
}

func (w world) backup(t *testing.T) index.Info {
	t.Helper()
	info, err := Make(t.Context(), w.store, w.request())
	must(t, err)
	return info
}

// files are those of the store that have a name like pattern, with their sizes.
func (w world) files(t *testing.T, pattern string) (all []string, size int64) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(w.store, pattern))
	must(t, err)
	for _, f := range all {
		st, err := os.Stat(f)
		must(t, err)
		size += st.Size()
	}
	return all, size
}

func TestList(t *testing.T) {
	w := newWorld(t)
	if all, err := List(w.store); len(all) > 0 || err != nil {
		t.Errorf("%+v, %v", all, err)
	}
	first, second := w.backup(t), w.backup(t)
	must(t, Verify(t.Context(), w.store, second.ID))
	all, err := List(w.store)
	must(t, err)
	second.Verified = true
	if len(all) != 2 || fmt.Sprint(all) != fmt.Sprint([]index.Info{first, second}) || first.ID >= second.ID {
		t.Errorf("%+v", all)
	}
	if first.Schema != 3 || first.Version != "1.0.0" || first.Entries != 6 || first.Bytes != 1<<20+4 || !first.Time.Equal(time.Unix(1e9, 0)) {
		t.Errorf("%+v", first)
	}
}

// What has not changed takes no room again.
func TestDedup(t *testing.T) {
	w := newWorld(t)
	w.backup(t)
	files, before := w.files(t, "chunks/*/*")
	w.backup(t)
	if again, after := w.files(t, "chunks/*/*"); after != before || len(again) != len(files) {
		t.Errorf("the same tree took %d bytes, and then %d", before, after)
	}
	data := random(1<<20, 1)
	copy(data[512<<10:], "another text")
	must(t, os.WriteFile(w.path+"/large", data, 0o640))
	w.backup(t)
	if _, after := w.files(t, "chunks/*/*"); after-before > 4*chunks.SizeMost || after == before {
		t.Errorf("12 bytes that changed took %d", after-before)
	}
}

// Whatever byte of the store has changed, Verify says so and where, and Restore leaves what
// there is. A further backup makes chunks whole.
func TestCorrupt(t *testing.T) {
	w := newWorld(t)
	id := w.backup(t).ID
	must(t, os.WriteFile(w.path+"/small", []byte("later"), 0o600))
	now := look(t, w.path)
	chunkFiles, _ := w.files(t, "chunks/*/*")
	for _, file := range append(chunkFiles, filepath.Join(w.store, "index", id)) {
		good, err := os.ReadFile(file)
		must(t, err)
		for n := 0; n < len(good); n += max(1, len(good)/12) {
			bad := slices.Clone(good)
			bad[n] ^= 0x10
			must(t, os.WriteFile(file, bad, 0o600))
			err := Verify(t.Context(), w.store, id)
			isChunk := filepath.Base(file) != id
			if isChunk && (!errors.Is(err, chunks.ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(file)) || !strings.Contains(err.Error(), w.path+"/")) ||
				!isChunk && (!errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), id)) {
				t.Fatalf("byte %d of %s: %v", n, file, err)
			}
			if again := Restore(t.Context(), w.store, id, "/"); again == nil {
				t.Fatalf("byte %d of %s: it was restored", n, file)
			}
		}
		must(t, os.WriteFile(file, good[:len(good)-1], 0o600))
		if Verify(t.Context(), w.store, id) == nil || Restore(t.Context(), w.store, id, "/") == nil {
			t.Fatalf("%s is short, and taken", file)
		}
		if is := look(t, w.path); is != now {
			t.Fatalf("it is\n%s\nand was\n%s", is, now)
		}
		must(t, os.WriteFile(file, good, 0o600))
	}
	must(t, Verify(t.Context(), w.store, id))
	must(t, os.WriteFile(chunkFiles[0], nil, 0o600))
	must(t, os.Remove(chunkFiles[1]))
	if err := Verify(t.Context(), w.store, id); !errors.Is(err, chunks.ErrCorrupt) && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if all, err := List(w.store); err != nil || all[0].Verified {
		t.Errorf("it counts as verified: %+v, %v", all, err)
	}
	must(t, os.WriteFile(w.path+"/small", []byte("text"), 0o600))
	w.backup(t)
	must(t, Verify(t.Context(), w.store, id))
	if entries, err := filepath.Glob(filepath.Dir(w.path) + "/.clarity*"); err != nil || len(entries) > 0 {
		t.Errorf("%v are left, %v", entries, err)
	}
}

func TestMakeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		set func(t *testing.T, w *world) (path string)
		why string
	}{
		"no clean path":     {func(_ *testing.T, w *world) string { return w.path + "/" }, "is not like /var/lib/app"},
		"a link on the way": {func(t *testing.T, w *world) string { must(t, os.Symlink(w.path, w.path+"2")); return w.path + "2/sub" }, "a symbolic link leads elsewhere"},
		"a file on the way": {func(_ *testing.T, w *world) string { return w.path + "/small/a" }, "not a directory"},
		"a socket": {func(t *testing.T, w *world) string {
			must(t, unix.Mknod(w.path+"/s", unix.S_IFSOCK|0o600, 0))
			return w.path + "/s"
		}, "is a socket"},
		"another one at work": {func(t *testing.T, w *world) string {
			s, err := openStore(w.store)
			must(t, err)
			t.Cleanup(s.close)
			return w.path
		}, "another program works with the backups"},
		"no folder": {func(t *testing.T, w *world) string { must(t, os.WriteFile(w.store, nil, 0o600)); return w.path }, "not a directory"},
	} {
		w := newWorld(t)
		r := w.request()
		r.Paths = []index.Path{index.Path(c.set(t, &w))}
		_, err := Make(t.Context(), w.store, r)
		if err == nil || !strings.Contains(err.Error(), c.why) || !strings.HasPrefix(err.Error(), "back up "+w.path) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "no folder" {
			continue
		}
		if all, err := List(w.store); len(all) > 0 || err != nil {
			t.Errorf("%s: there are backups: %+v, %v", name, all, err)
		}
	}
}

// A socket within a path is left out, and is no reason to refuse.
func TestSocket(t *testing.T) {
	w := newWorld(t)
	must(t, unix.Mknod(w.path+"/socket", unix.S_IFSOCK|0o600, 0))
	before := look(t, w.path)
	must(t, Restore(t.Context(), w.store, w.backup(t).ID, "/"))
	if after := look(t, w.path); after != before {
		t.Errorf("%s\nwas\n%s", after, before)
	}
	if _, err := os.Lstat(w.path + "/socket"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A file that changes between two looks at it is not in a backup half this and half that.
func TestChanges(t *testing.T) {
	w := newWorld(t)
	s, err := openStore(w.store)
	must(t, err)
	defer s.close()
	dir, err := os.Open(w.path)
	must(t, err)
	defer dir.Close()
	st, err := statAt(dir, "large")
	must(t, err)
	k := walk{ctx: t.Context(), store: s}
	err = k.content(dir, "large", st, func(*os.File, int64) error { return os.WriteFile(w.path+"/large", random(1<<20, 2), 0o640) })
	if err == nil || !strings.Contains(err.Error(), "/large has changed while it was read; stop what writes to it") {
		t.Error(err)
	}
	must(t, os.Rename(w.path+"/small", w.path+"/large"))
	err = k.content(dir, "large", st, func(*os.File, int64) error { t.Error("another file is read"); return nil })
	if err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Error(err)
	}
}

// Who ends a backup or a restoring in its middle finds what there was.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Make(ctx, w.store, w.request()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if all, _ := w.files(t, "*/*"); len(all) > 0 {
		t.Errorf("%v are left", all)
	}
	id := w.backup(t).ID
	must(t, os.Remove(w.path+"/small"))
	before := look(t, w.path)
	if err := Restore(ctx, w.store, id, "/"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if after := look(t, w.path); after != before {
		t.Errorf("%s\nwas\n%s", after, before)
	}
	for _, id := range []string{"000009-00000000", "../index/x", ""} {
		if err := Restore(t.Context(), w.store, id, "/"); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// No link that a service puts somewhere has anything written elsewhere.
func TestRestoreStays(t *testing.T) {
	w := newWorld(t)
	id := w.backup(t).ID
	outside := t.TempDir()
	lib := filepath.Dir(w.path)
	must(t, os.RemoveAll(lib))
	must(t, os.Symlink(outside, lib))
	if err := Restore(t.Context(), w.store, id, "/"); err == nil || !strings.Contains(err.Error(), "a symbolic link leads elsewhere") {
		t.Error(err)
	}
	must(t, os.Remove(lib))
	must(t, os.MkdirAll(lib, 0o755))
	must(t, os.Symlink(outside, w.path))
	must(t, Restore(t.Context(), w.store, id, "/"))
	if all, err := os.ReadDir(outside); len(all) > 0 || err != nil {
		t.Errorf("%v, %v", all, err)
	}
	below := t.TempDir()
	must(t, Restore(t.Context(), w.store, id, below))
	if look(t, below+w.path) != look(t, w.path) {
		t.Errorf("below another root it is\n%s", look(t, below+w.path))
	}
}

func TestOld(t *testing.T) {
	day := 24 * time.Hour
	now := time.Unix(1e9, 0)
	at := func(id string, age time.Duration, verified bool) index.Info {
		return index.Info{Header: index.Header{ID: id, Time: now.Add(-age)}, Verified: verified}
	}
	all := []index.Info{at("1", 9*day, true), at("2", 5*day, true), at("3", 3*day, false), at("4", -day, false)}
	for name, c := range map[string]struct {
		Policy
		all  []index.Info
		want string
	}{
		"none":                        {Policy{}, nil, "[]"},
		"no rule":                     {Policy{}, all, "[1 3 4]"},
		"some of the newest":          {Policy{Keep: 2}, all, "[1]"},
		"more than there are":         {Policy{Keep: 9}, all, "[]"},
		"by age":                      {Policy{For: 4 * day}, all, "[1]"},
		"of just that age":            {Policy{For: 3 * day}, all, "[1]"},
		"pinned":                      {Policy{Keep: 1, Pinned: []string{"1"}}, all, "[3]"},
		"none of them was verified":   {Policy{Keep: 1}, []index.Info{at("1", day, false), at("2", day, false)}, "[1]"},
		"with a problem, of no age":   {Policy{For: day}, []index.Info{{Header: index.Header{ID: "1"}, Problem: "corrupt"}, at("2", 0, true)}, "[1]"},
		"with a problem, but the new": {Policy{Keep: 2}, []index.Info{{Header: index.Header{ID: "1"}, Problem: "corrupt"}, at("2", 0, true)}, "[]"},
	} {
		if got := fmt.Sprint(c.Old(c.all, now)); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	first := w.backup(t)
	must(t, os.WriteFile(w.path+"/large", random(1<<20, 2), 0o640))
	second := w.backup(t)
	must(t, Verify(t.Context(), w.store, second.ID))
	must(t, os.WriteFile(w.store+"/chunks/new", []byte("torn"), 0o600))
	must(t, os.WriteFile(w.store+"/index/new", []byte("torn"), 0o600))
	gone, err := Prune(w.store, Policy{}, time.Unix(2e9, 0))
	if err != nil || len(gone) != 1 || gone[0] != first.ID {
		t.Errorf("%v, %v", gone, err)
	}
	must(t, Verify(t.Context(), w.store, second.ID))
	if _, size := w.files(t, "chunks/*/*"); size > 1<<20+100<<10 {
		t.Errorf("%d bytes are left", size)
	}
	if all, _ := w.files(t, "*/new"); len(all) > 0 {
		t.Errorf("%v are left", all)
	}
	// As long as it is not known what a backup has, nothing of it goes.
	files, _ := w.files(t, "chunks/*/*")
	third := w.backup(t)
	must(t, os.WriteFile(w.store+"/index/"+third.ID, []byte("torn"), 0o600))
	if _, err := Prune(w.store, Policy{Keep: 5}, time.Unix(2e9, 0)); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
	if again, _ := w.files(t, "chunks/*/*"); len(again) != len(files) {
		t.Errorf("%d chunks of %d are left", len(again), len(files))
	}
	// A number is not used again.
	if next := w.backup(t); next.ID[:6] != "000004" {
		t.Error(next.ID)
	}
	_ = filepath.WalkDir(w.store, func(path string, d fs.DirEntry, err error) error {
		if st, e := os.Stat(path); e != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", path, st.Mode(), errors.Join(err, e))
		}
		return nil
	})
}
