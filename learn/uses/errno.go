package uses

import (
	"golang.org/x/sys/unix"

	"clarityos/learn/observe"
)

// errorName is the name of what a sight failed with, such as ECONNREFUSED.
func errorName(s observe.Sight) string {
	if name := unix.ErrnoName(s.Errno); name != "" {
		return name
	}
	return s.Errno.Error()
}
