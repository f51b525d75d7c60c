package learn

import (
	"os"
	"path"

	"clarityos/learn/mounts"
	"clarityos/learn/observe"
)

// mountTable is read anew when a device is met that it does not have.
type mountTable struct{ table mounts.Table }

// path gives the path of a file that is used or, of a mount, its point.
func (m *mountTable) path(s observe.Sight) string {
	dev := s.Dev.String()
	if !m.table.Has(dev) {
		if f, err := os.Open("/proc/self/mountinfo"); err == nil {
			if t, err := mounts.Read(f); err == nil {
				m.table = t
			}
			f.Close()
		}
	}
	if s.File == observe.Mount {
		return m.table.Path(dev, "/")
	}
	return path.Clean(m.table.Path(dev, s.Path))
}
