package compile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/plan"
)

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		assign, want string // what is written, or a part of the error after "!"
	}{
		{"MemoryMax=64M", "memory.max 67108864"},
		{"MemoryMax=50%", "memory.max 50%"},
		{"MemoryMax=64M; MemoryMax=infinity", "memory.max max"},
		{"CPUQuota=20%; CPUQuotaPeriodSec=10ms", "cpu.max 2000 10000"},
		{"TasksMax=8; CPUWeight=50", "pids.max 8, cpu.weight 50"},
		{"CPUWeight=idle", "cpu.idle 1"},
		{"IOReadBandwidthMax=/dev/vda 1M", "io.max /dev/vda rbps=1000000"},
		{"MemoryMax=lots", "!MemoryMax=: "},
		{"MemoryMax=", "!is no PROPERTY=VALUE"},
		{"MemoryMax", "!is no PROPERTY=VALUE"},
		{"User=root", "!User= cannot be set while a unit runs; these can: AllowedCPUs, "},
		{"MemoryAccounting=yes", "!has no effect"},
	} {
		settings, err := Settings(strings.Split(tc.assign, "; "))
		var got []string
		for _, s := range settings {
			got = append(got, s.File+" "+s.Value)
		}
		if part, bad := strings.CutPrefix(tc.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, %v, want an error with %q", tc.assign, settings, err, part)
			}
		} else if err != nil || strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: %q, %v, want %q", tc.assign, got, err, tc.want)
		}
	}
}

// Every property gives files that PID 1 takes.
func TestLiveProperties(t *testing.T) {
	values := map[string]string{"CPUQuota": "10%", "CPUQuotaPeriodSec": "20ms", "AllowedCPUs": "0", "AllowedMemoryNodes": "0", "IODeviceLatencyTargetSec": "/dev/vda 10ms"}
	files := map[string]bool{}
	for _, name := range LiveProperties() {
		value := values[name]
		switch {
		case value != "":
		case strings.HasPrefix(name, "IO") && name != "IOWeight":
			value = "/dev/vda 100"
		default:
			value = "100"
		}
		settings, err := Settings([]string{"CPUQuota=50%", name + "=" + value})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range settings {
			files[s.File] = true
		}
	}
	for file := range files {
		if !plan.LiveFiles[file] {
			t.Errorf("PID 1 does not take %s", file)
		}
	}
	if diff := cmp.Diff(len(plan.LiveFiles)-1, len(files)); diff != "" { // cpu.idle is CPUWeight=idle
		t.Errorf("files (-PID 1 takes +properties write): %s", diff)
	}
}

func TestSignal(t *testing.T) {
	for text, want := range map[string]int{"9": 9, "KILL": 9, "SIGKILL": 9, "kill": 9, "sigusr1": 10, "RTMIN+3": 37, "64": 64} {
		if got, err := Signal(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "65", "-1", "SIG", "WINDOW", "RTMIN+99"} {
		if got, err := Signal(text); err == nil {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}
