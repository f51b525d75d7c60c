package trial

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Kind names the kind of this machine, by its processors: durations that were measured
// on another one say nothing here.
func Kind() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	return kindOf(runtime.GOARCH, string(text))
}

// kindOf reads proc_cpuinfo(5): "model name" is x86's, "CPU part" arm's.
func kindOf(arch, cpuinfo string) string {
	n, model := 0, ""
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "processor":
			n++
		case "model name", "CPU part":
			model = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%s, %d × %s", arch, n, model)
}
