package adapter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/images"
	"clarityos/qemu/bench/workload"
)

// small is a workload of three, each of which needs all after it.
func small() workload.Workload {
	ms := 30 * time.Millisecond
	return workload.Workload{Name: "chain", Kills: 30, Services: []workload.Service{
		{Name: "s00", Work: ms, Needs: []string{"s01", "s02"}}, {Name: "s01", Work: ms, Needs: []string{"s02"}}, {Name: "s02", Work: ms},
	}}
}

// build puts an image together without any package or program: what is asked
// for of either is noted, and an empty file stands in for it.
func build(t *testing.T, i Init, w workload.Workload, variant string) (r *Root, taken []string) {
	t.Helper()
	programs := map[string]string{"svc.c": os.DevNull}
	for _, p := range i.Programs {
		programs[p] = os.DevNull
	}
	r = NewRoot(i, func(to *images.Tree, path string) error {
		taken = append(taken, path)
		return to.Put(path, images.Entry{Mode: 0o755, Part: "package", Rank: images.RankPackage})
	}, programs)
	taken = nil // what is in every image
	i.Build(r, NewJob(i, w, variant, 30, 5000))
	_, sizes, err := r.Finish()
	if err != nil {
		t.Fatalf("%s %s %s: %v", i.Name, w.Name, variant, err)
	}
	if sizes.ConfFiles == 0 || sizes.ConfBytes == 0 {
		t.Errorf("%s %s %s: no configuration: %+v", i.Name, w.Name, variant, sizes)
	}
	return r, taken
}

// Every init can be set up for everything that it says it can start.
func TestImages(t *testing.T) {
	for _, i := range All() {
		cells := 0
		for _, w := range workload.All(8) {
			for _, v := range i.VariantsOf(w) {
				build(t, i, w, v)
				cells++
			}
		}
		if cells == 0 || i.About == "" || i.Notes == "" || len(i.PowerOff) == 0 {
			t.Errorf("%s is not described: %d cells, %+v", i.Name, cells, i)
		}
	}
}

// testdata/INIT-VARIANT is what the Python adapter made for the same services:
// the packages' files, then its own files and links.
func TestOriginal(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil || len(files) < 17 {
		t.Fatalf("%d files of the original: %v", len(files), err)
	}
	for _, f := range files {
		name, variant, _ := strings.Cut(f.Name(), "-")
		found, err := Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("testdata/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		r, taken := build(t, found[0], small(), variant)
		if d := cmp.Diff(string(want), describe(r, taken)); d != "" {
			t.Errorf("%s (-original +ours):\n%s", f.Name(), d)
		}
	}
}

func describe(r *Root, taken []string) string {
	var out strings.Builder
	for _, p := range slices.Compact(slices.Sorted(slices.Values(taken))) {
		fmt.Fprintf(&out, "== package %s\n", p)
	}
	for _, p := range r.tree.Paths() {
		switch e := r.tree.Get(p); {
		case r.base[p] || e.Part != configuration || e.Mode.IsDir():
		case e.Mode&fs.ModeSymlink != 0:
			fmt.Fprintf(&out, "== link /%s -> %s\n", p, e.Link)
		case e.Mode == 0o755:
			fmt.Fprintf(&out, "== script /%s\n%s", p, e.Data)
		default:
			fmt.Fprintf(&out, "== file /%s\n%s", p, e.Data)
		}
	}
	return out.String()
}

func TestVariants(t *testing.T) {
	for _, tc := range []struct{ init, workload, want string }{
		{"s6", "dag", "declared undeclared"},
		{"sysvinit", "dag", "undeclared"},
		{"sysvinit", "kills", ""}, // only for those that ask for it
		{"clarityos", "kills", "undeclared"},
		{"clarityos+log", "dag", ""},
		{"clarityos+log", "flat", "undeclared"},
		{"openrc", "chain", "declared declared-parallel undeclared"},
	} {
		i, err := Find([]string{tc.init})
		if err != nil {
			t.Fatal(err)
		}
		w, err := workload.Find(workload.All(8), []string{tc.workload})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(i[0].VariantsOf(w[0]), " "); got != tc.want {
			t.Errorf("%s %s: got %q, want %q", tc.init, tc.workload, got, tc.want)
		}
	}
	if _, err := Find([]string{"upstart"}); err == nil {
		t.Error("an init that does not exist was found")
	}
}

func TestJob(t *testing.T) {
	flat := workload.All(8)[0]
	for _, tc := range []struct {
		init           Init
		work           workload.Workload
		kills, orphans int
		want           string
	}{
		{Init{}, flat, 30, 5000, "--expect 50 --kills 30 --orphans 5000"},
		{Init{}, flat, 80, 5000, "--expect 50 --kills 50 --orphans 5000"},
		{Init{MostKills: 5}, flat, 30, 0, "--expect 50 --kills 5 --orphans 0"},
		{Init{}, workload.All(8)[3], 30, 5000, "--expect 50 --kills 500 --orphans 0"},
	} {
		tc.init.PowerOff = []string{"ctl", "off"}
		want := "/usr/bin/svc collector --mode collector " + tc.want + " --poweroff ctl,off --notify-fd 3"
		if got := strings.Join(NewJob(tc.init, tc.work, "undeclared", tc.kills, tc.orphans).Collector("--notify-fd", "3"), " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// The first error is the one that counts, and stops the rest.
func TestRootError(t *testing.T) {
	first := errors.New("no such package")
	r := NewRoot(Init{}, func(*images.Tree, string) error { return first }, map[string]string{"svc.c": os.DevNull})
	r.Write("/init", "text")
	r.Program("/init", "missing.c")
	if _, _, err := r.Finish(); err != first {
		t.Errorf("got %v, want %v", err, first)
	}
	r = NewRoot(Init{Busybox: true}, nil, map[string]string{"svc.c": os.DevNull})
	if _, _, err := r.Finish(); err == nil || !strings.Contains(err.Error(), "/init") {
		t.Errorf("no init: got %v", err)
	}
}
