// Package mounts says where the file systems of a mount namespace are, so that a
// path below a file system's root becomes one that people know.
package mounts

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// Mount is a line of mountinfo.
type Mount struct {
	Dev   string // major:minor
	Root  string // the folder of the file system that is mounted
	Point string
	Type  string
}

// Table is the mounts of a namespace, as they were made.
type Table []Mount

// Read reads a /proc/PID/mountinfo (Documentation/filesystems/proc.rst, 3.5).
func Read(r io.Reader) (t Table, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		f, more := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 6 || len(more) < 1 {
			return t, fmt.Errorf("mountinfo: %q is not a mount", lines.Text())
		}
		t = append(t, Mount{Dev: f[2], Root: unescape(f[3]), Point: unescape(f[4]), Type: more[0]})
	}
	return t, lines.Err()
}

// Path gives the path of what lies at p below the root of the file system of a
// device. Where it is mounted several times the latest mount that shows it counts;
// where it is not mounted here the device stands in front: "8:1:/x".
func (t Table) Path(dev, p string) string {
	for i := len(t) - 1; i >= 0; i-- {
		m := t[i]
		if m.Dev != dev {
			continue
		}
		if below, ok := strings.CutPrefix(p, strings.TrimSuffix(m.Root, "/")); ok && (below == "" || below[0] == '/') {
			return path.Join(m.Point, below)
		}
	}
	return dev + ":" + p
}

// Has says whether a device is mounted.
func (t Table) Has(dev string) bool {
	for _, m := range t {
		if m.Dev == dev {
			return true
		}
	}
	return false
}

// unescape reads the octal numbers that stand for blanks and the like.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
