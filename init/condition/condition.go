// Package condition checks a unit's Condition…= and Assert…= lines against the
// running system. A look at a file can hang, so PID 1 does it in a pool.
package condition

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// Unmet gives the first condition that does not hold, in the words of the unit
// file, or "" when all do. Of triggering conditions one has to hold.
func Unmet(conditions []plan.Condition) (what string, assert bool) {
	triggered, anyTrigger := "", false
	for _, c := range conditions {
		ok := holds(c.Kind, c.Value) != c.Not
		switch {
		case c.Trigger && ok:
			anyTrigger = true
		case c.Trigger:
			triggered = text(c)
		case !ok:
			return text(c), c.Assert
		}
	}
	if triggered != "" && !anyTrigger {
		return triggered, false
	}
	return "", false
}

func text(c plan.Condition) string {
	kind, not := "Condition", ""
	if c.Assert {
		kind = "Assert"
	}
	if c.Not {
		not = "!"
	}
	return fmt.Sprintf("%s%s=%s%s", kind, c.Kind, not, c.Value)
}

// holds knows the kinds that services/compile lists.
func holds(kind, value string) bool {
	switch kind {
	case "PathExists":
		return unix.Access(value, unix.F_OK) == nil
	case "PathExistsGlob":
		found, _ := filepath.Glob(value)
		return len(found) > 0
	case "PathIsDirectory":
		info, err := os.Stat(value)
		return err == nil && info.IsDir()
	case "PathIsSymbolicLink":
		info, err := os.Lstat(value)
		return err == nil && info.Mode()&os.ModeSymlink != 0
	case "PathIsMountPoint":
		return isMountPoint(value)
	case "PathIsReadWrite":
		var st unix.Statfs_t
		return unix.Statfs(value, &st) == nil && st.Flags&unix.ST_RDONLY == 0
	case "DirectoryNotEmpty":
		entries, err := os.ReadDir(value)
		return err == nil && len(entries) > 0
	case "FileNotEmpty":
		info, err := os.Stat(value)
		return err == nil && info.Mode().IsRegular() && info.Size() > 0
	case "FileIsExecutable":
		info, err := os.Stat(value)
		return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
	case "KernelCommandLine":
		b, _ := os.ReadFile("/proc/cmdline")
		return slices.ContainsFunc(strings.Fields(string(b)), func(w string) bool {
			return w == value || !strings.Contains(value, "=") && strings.HasPrefix(w, value+"=")
		})
	case "Architecture":
		return value == map[string]string{"amd64": "x86-64", "arm64": "arm64", "arm": "arm"}[runtime.GOARCH] || value == "native"
	case "Host":
		name, err := os.Hostname()
		matched, _ := path.Match(value, name)
		return err == nil && matched
	case "Virtualization":
		return virtualization(value)
	case "FirstBoot":
		_, err := os.Stat("/run/clarity/first-boot") // made by the setup component
		return (err == nil) == (value == "yes" || value == "true" || value == "1")
	}
	return false
}

func isMountPoint(p string) bool {
	var here, above unix.Stat_t
	if unix.Lstat(p, &here) != nil || unix.Lstat(filepath.Dir(p), &above) != nil {
		return false
	}
	return here.Dev != above.Dev || p == "/"
}

// virtualization answers by the processor's own word where there is one; a
// container cannot have this PID 1.
func virtualization(value string) bool {
	virtual := false
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		virtual = strings.Contains(string(b), " hypervisor")
	}
	if b, err := os.ReadFile("/sys/class/dmi/id/sys_vendor"); err == nil {
		virtual = virtual || strings.Contains(string(b), "QEMU")
	}
	switch value {
	case "yes", "true", "1", "vm":
		return virtual
	case "no", "false", "0":
		return !virtual
	}
	return false
}
