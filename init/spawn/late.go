package spawn

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// lateMark is in front of a specifier's letter that services/unit has left for
// the running machine (unit.Late there).
const lateMark = "\x01"

func late(words []string) bool {
	for _, w := range words {
		if strings.Contains(w, lateMark) {
			return true
		}
	}
	return false
}

func expandLate(words []string) []string {
	if !late(words) {
		return words
	}
	out := make([]string, len(words))
	for i, w := range words {
		parts := strings.Split(w, lateMark)
		var b strings.Builder
		b.WriteString(parts[0])
		for _, p := range parts[1:] {
			if p != "" {
				b.WriteString(MachineValue(p[0]) + p[1:])
			}
		}
		out[i] = b.String()
	}
	return out
}

// MachineValue is what a specifier of systemd.unit(5) stands for that only the
// running machine knows; "" for what cannot be read.
func MachineValue(letter byte) string {
	switch letter {
	case 'a':
		if runtime.GOARCH == "amd64" {
			return "x86-64"
		}
		return runtime.GOARCH
	case 'b':
		b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
		return strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")
	case 'm':
		b, _ := os.ReadFile("/etc/machine-id")
		return strings.TrimSpace(string(b))
	case 'v':
		var u unix.Utsname
		_ = unix.Uname(&u) // it cannot fail
		return unix.ByteSliceToString(u.Release[:])
	case 'H', 'q', 'l':
		name, _ := os.Hostname()
		if letter == 'l' {
			name, _, _ = strings.Cut(name, ".")
		}
		return name
	}
	return ""
}
