package learn

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// widthOf is how many services are started at a time: enough that processors have work
// while some wait for files, and fewer where files are on a disk that turns.
func widthOf(cpus int, turns bool) int {
	if turns {
		return 2 + cpus
	}
	return 4 + 4*cpus
}

// width looks at this machine: turns says of a disk whether it does, in sysfs
// (Documentation/ABI/stable/sysfs-block).
func width() int {
	disks, _ := filepath.Glob("/sys/block/*/queue/rotational") // the pattern is well formed
	turns := false
	for _, path := range disks {
		name := filepath.Base(filepath.Dir(filepath.Dir(path)))
		text, err := os.ReadFile(path)
		if err != nil || strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "ram") || strings.HasPrefix(name, "sr") || strings.HasPrefix(name, "vd") {
			continue // no disk, or one whose host alone knows what it is
		}
		turns = turns || strings.TrimSpace(string(text)) == "1"
	}
	return widthOf(runtime.NumCPU(), turns)
}
