package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"0::/system.slice/a.service\n", true},
		{"0::/system.slice/a.service/sub/deep\n", true},
		{"0::/system.slice/a.service2\n", false},
		{"0::/system.slice\n", false},
		{"1:name=other:/system.slice/a.service\n0::/init.scope\n", false},
		{"", false},
	} {
		if got := below(c.text, "system.slice/a.service"); got != c.want {
			t.Errorf("%q: %v", c.text, got)
		}
	}
}

// Processes of groups below are found whether or not the kernel says how many
// there are.
func TestProcessesBelow(t *testing.T) {
	for _, c := range []struct {
		stat string
		want []int
	}{{"nr_descendants 0\n", []int{1, 2}}, {"nr_descendants 2\n", []int{1, 2, 3, 4}}, {"", []int{1, 2, 3, 4}}} {
		dir := t.TempDir()
		files := map[string]string{"cgroup.procs": "1\n2\n", "sub/cgroup.procs": "3\n", "sub/deep/cgroup.procs": "4\n"}
		if c.stat != "" {
			files["cgroup.stat"] = c.stat
		}
		for name, text := range files {
			if err := os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := processesBelow(dir); !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.stat, got, c.want)
		}
	}
}
