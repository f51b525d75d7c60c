package main

import (
	"strings"
	"testing"

	"clarityos/services/plan"
)

// setting is "FILE VALUE".
func setting(text string) plan.Setting {
	file, value, _ := strings.Cut(text, " ")
	return plan.Setting{File: file, Value: value}
}

// What a setting is undone with is what would be there without it.
func TestUndo(t *testing.T) {
	planned := []plan.Setting{setting("memory.max 64"), setting("io.max /dev/vda rbps=7"), setting("memory.max 128")}
	for _, tc := range []struct{ set, want string }{
		{"memory.max 1", "memory.max 128"},
		{"memory.high 1", "memory.high max"},
		{"cpu.max 1000 10000", "cpu.max max 100000"},
		{"io.max /dev/vda rbps=1", "io.max /dev/vda rbps=7"},
		{"io.max /dev/vda wbps=1", "io.max /dev/vda wbps=max"},
		{"io.max /dev/vdb rbps=1", "io.max /dev/vdb rbps=max"},
		{"io.latency /dev/vda target=1", "io.latency /dev/vda target=0"},
		{"io.weight /dev/vda 50", "io.weight /dev/vda default"},
		{"io.weight default 50", "io.weight default 100"},
	} {
		if got := undo(setting(tc.set), planned); got != setting(tc.want) {
			t.Errorf("%s is undone with %v, want %s", tc.set, got, tc.want)
		}
	}
	for file := range plan.LiveFiles {
		if perDevice := file == "io.max" || file == "io.latency"; !perDevice && kernelDefaults[file] == "" {
			t.Errorf("what does the kernel give %s?", file)
		}
	}
}

func TestCheckSetting(t *testing.T) {
	for _, s := range []string{"cgroup.procs 1", "../memory.max 1", "memory.max ", "memory.max 1\n2", " 1"} {
		if checkSetting(setting(s)) == nil {
			t.Errorf("%q is accepted", s)
		}
	}
	if err := checkSetting(setting("memory.max 1")); err != nil {
		t.Error(err)
	}
}
