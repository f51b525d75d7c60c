package figures

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/learn/profiles"
	"clarityos/services/plan"
)

func files(of map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range of {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}

func TestRead(t *testing.T) {
	proc := files(map[string]string{"7/statm": "900 30 20 1 0 50 0\n", "8/statm": "900 5 2 1 0 50 0\n"})
	for name, c := range map[string]struct {
		group map[string]string
		want  map[profiles.Measure]float64
	}{
		"all": {map[string]string{
			"cpu.stat": "usage_usec 1500000\nuser_usec 1000000\n", "memory.current": "4096\n", "memory.peak": "8192\n", "pids.current": "3\n",
			"memory.stat": "anon 1\nfile 2048\nfile_mapped 7\npgfault 12\npgmajfault 3\n", "cgroup.procs": "7\n8\n9\n",
			"io.stat": "254:0 rbytes=100 wbytes=10 rios=1 wios=1 dbytes=0 dios=0\n254:16 rbytes=1 wbytes=2 rios=1 wios=1\n",
		}, map[profiles.Measure]float64{profiles.CPU: 1.5, profiles.Memory: 4096, profiles.MemoryPeak: 8192, profiles.Tasks: 3, profiles.PageCache: 2048,
			profiles.Faults: 12, profiles.MajorFaults: 3, profiles.Resident: 35 * 4096, profiles.Read: 101, profiles.Written: 12}},
		"controllers are off": {map[string]string{"cpu.stat": "usage_usec 20\n", "cgroup.procs": "7\n"},
			map[profiles.Measure]float64{profiles.CPU: 2e-5, profiles.Resident: 30 * 4096}},
		"nothing was read or written": {map[string]string{"io.stat": ""}, map[profiles.Measure]float64{profiles.Read: 0, profiles.Written: 0}},
		"files that make no sense":    {map[string]string{"cpu.stat": "usage_usec\n", "memory.current": "max\n", "memory.stat": "\nfile x\n"}, map[profiles.Measure]float64{}},
		"too many processes":          {map[string]string{"cgroup.procs": strings.Repeat("7\n", maxProcesses+1)}, map[profiles.Measure]float64{}},
		"it is gone":                  {nil, map[profiles.Measure]float64{}},
	} {
		t.Run(name, func(t *testing.T) {
			group := map[string]string{}
			for file, content := range c.group {
				group["system.slice/a.service/"+file] = content
			}
			got := Reader{Cgroups: files(group), Proc: proc, PageSize: 4096}.Read("system.slice/a.service")
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// What a unit runs is told apart by content, not by times or names of inodes.
func TestIdentity(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(program+".new", []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(program+".new", program); err != nil {
			t.Fatal(err)
		}
	}
	var h Hasher
	of := func(arg string) profiles.Identity {
		t.Helper()
		id, err := h.Identity(&plan.Unit{Name: "a.service", Service: &plan.Service{Start: []plan.Command{{Path: program, Argv: []string{"program", arg}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	write("one")
	one := of("x")
	if len(h.sums) != 1 || of("x") != one || len(h.sums) != 1 {
		t.Errorf("a file that has not changed is another one: %d sums", len(h.sums))
	}
	if of("y") == one {
		t.Error("another argument is the same configuration")
	}
	write("two")
	if of("x") == one {
		t.Error("another program of the same size is the same")
	}
	write("one")
	if of("x") != one {
		t.Error("the same program in another file is another one")
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	gone := of("x")
	if write(""); gone == one || of("x") == gone {
		t.Error("a program that is not there is one that is empty")
	}
}

// What the kernel does not count of a group is not counted as busy.
func TestBusy(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	r := Reader{Cgroups: fstest.MapFS{
		"a/cpu.stat":     file("usage_usec 1000\nuser_usec 600\n"),
		"a/cpu.pressure": file("some avg10=0.00 avg60=0.00 avg300=0.00 total=200\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7000\n"),
		"a/io.pressure":  file("some avg10=0.00 avg60=0.00 avg300=0.00 total=30\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7000\n"),
		"b/cpu.stat":     file("usage_usec 4\n"),
		"c/cpu.pressure": file("full avg10=0.00 avg60=0.00 avg300=0.00 total=7000\n"),
	}}
	for group, want := range map[string]time.Duration{"a": 1230 * time.Microsecond, "b": 4 * time.Microsecond, "c": 0, "d": 0} {
		if got := r.Busy(group); got != want {
			t.Errorf("%s: %v, not %v", group, got, want)
		}
	}
}

// What is remembered is bounded.
func TestBoundedSums(t *testing.T) {
	var h Hasher
	dir := t.TempDir()
	for i := range maxFiles + 10 {
		name := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := h.content(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.sums) > maxFiles {
		t.Errorf("%d sums", len(h.sums))
	}
}
