package learn

import (
	"os"
	"path"

	"clarityos/learn/mounts"
	"clarityos/learn/observe"
)

// mountTable is read anew when a mount is met that it does not have.
type mountTable struct{ table mounts.Table }

// path gives the path of a file that is used or, of a mount, its point.
func (m *mountTable) path(s observe.Sight) string {
	point, known := m.table.Point(s.Mount)
	if !known {
		m.read()
		point, known = m.table.Point(s.Mount)
	}
	switch {
	case s.File != observe.Mount:
		return path.Clean(m.table.Path(s.Mount, s.Dev.String(), s.Path))
	case known:
		return point
	}
	return m.table.Path(0, s.Dev.String(), "/")
}

func (m *mountTable) read() {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return // the device's number stands for it
	}
	defer f.Close()
	if t, err := mounts.Read(f); err == nil {
		m.table = t
	}
}
