// Package psi reads what the kernel says of tasks that wait: pressure stall information
// (Documentation/accounting/psi.rst).
package psi

import (
	"bytes"
	"strconv"
	"time"
)

// Some gives from the text of a file such as /proc/pressure/cpu for how long at least one
// task has waited; ok is false where it does not say.
func Some(text []byte) (total time.Duration, ok bool) {
	for line := range bytes.Lines(text) {
		_, number, found := bytes.Cut(bytes.TrimSpace(line), []byte(" total="))
		if !found || !bytes.HasPrefix(line, []byte("some ")) {
			continue
		}
		us, err := strconv.ParseInt(string(number), 10, 64)
		return time.Duration(us) * time.Microsecond, err == nil
	}
	return 0, false
}
