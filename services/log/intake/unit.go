package intake

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// unitOf returns the unit that a process belongs to, by its cgroup, or "". The
// process may be gone already.
func unitOf(pid int) string {
	if pid <= 0 {
		return ""
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	return unitIn(string(text))
}

// unitIn finds the unit in what /proc/PID/cgroup says: the first part behind a
// slice that is no slice itself.
func unitIn(text string) string {
	for line := range strings.Lines(text) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !ok {
			continue
		}
		for part := range strings.SplitSeq(path.Clean(group), "/") {
			switch {
			case strings.HasSuffix(part, ".slice"):
				continue
			case strings.HasSuffix(part, ".service"), strings.HasSuffix(part, ".scope"):
				return part
			}
			return ""
		}
	}
	return ""
}
