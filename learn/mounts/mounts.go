// Package mounts says where the file systems of a mount namespace are, so that a
// path below a file system's root becomes one that people know.
package mounts

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Mount is a line of mountinfo.
type Mount struct {
	ID    int
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
		id, err := strconv.Atoi(f[0])
		if err != nil {
			return t, fmt.Errorf("mountinfo: %q has no id", lines.Text())
		}
		t = append(t, Mount{ID: id, Dev: f[2], Root: unescape(f[3]), Point: unescape(f[4]), Type: more[0]})
	}
	return t, lines.Err()
}

// Path gives the path of what lies at p below the root of the file system of a
// device, as it is by the mount of an id or, where that is of another namespace (or
// 0), by the latest mount that shows it; where it is not mounted here the device
// stands in front: "8:1:/x".
func (t Table) Path(id int, dev, p string) string {
	for _, wanted := range []int{id, 0} {
		for i := len(t) - 1; i >= 0; i-- {
			m := t[i]
			if m.Dev != dev || wanted != 0 && m.ID != wanted {
				continue
			}
			if below, ok := strings.CutPrefix(p, strings.TrimSuffix(m.Root, "/")); ok && (below == "" || below[0] == '/') {
				return path.Join(m.Point, below)
			}
		}
	}
	return dev + ":" + p
}

// Point gives where the mount of an id is; ok is false where it is of another
// namespace, or gone.
func (t Table) Point(id int) (point string, ok bool) {
	i := slices.IndexFunc(t, func(m Mount) bool { return m.ID == id })
	if i < 0 {
		return "", false
	}
	return t[i].Point, true
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
