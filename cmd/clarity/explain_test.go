package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"clarityos/services/supervisor"
)

// What init tells of a boot is found on its console, among all that others
// write there.
func TestParseConsole(t *testing.T) {
	hold := func(unit string, sofar time.Duration) string {
		return supervisor.BootWaits + supervisor.Hold{Unit: unit, Phase: supervisor.Start, For: sofar, Left: 80 * time.Second, Waiting: 2}.String()
	}
	said := func(at float64, mark, text string) string { return fmt.Sprintf("[%9.3f] %s %s", at, mark, text) }
	const notice, failed, plain = "\x1b[33mnotice\x1b[0m", "\x1b[31mfailed\x1b[0m", "      "
	stuck := []string{
		"[    1.234567] kernel: something",
		said(11, notice, hold("a.service", 10*time.Second)),
		said(11.002, notice, hold("b.service", 10*time.Second)),
		"a service writes over the console",
		said(15, failed, "b.service failed: it ended; it stays down"),
		said(21, notice, hold("a.service", 20*time.Second)),
	}
	for _, tc := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"held", stuck, `it waits, as init said 21 s after the kernel began, for
  a.service (start for 20s, at most 1m20s more); 2 jobs wait for it
init said:
  b.service failed: it ended; it stays down
`},
		{"held by two", stuck[:3], `it waits, as init said 11 s after the kernel began, for
  a.service (start for 10s, at most 1m20s more); 2 jobs wait for it
  b.service (start for 10s, at most 1m20s more); 2 jobs wait for it
`},
		{"rescue", append(stuck[:len(stuck):len(stuck)], bootStuck+"default.target was not reached"), `the boot cannot go on: default.target was not reached
init said:
  b.service failed: it ended; it stays down
`},
		{"panic", []string{"[    1.000000] " + kernelPanic + "no init"}, `the kernel panicked: no init
the console ends with
  [    1.000000] Kernel panic - not syncing: no init
`},
		{"silence", []string{"one", "", "two"}, "the console ends with\n  one\n  two\n"},
		{"complete", append(stuck[:len(stuck):len(stuck)], said(30, plain, bootComplete+"29s: 7 units are up")), `boot complete after 29s: 7 units are up
init said on the way:
  b.service failed: it ended; it stays down
`},
	} {
		var b strings.Builder
		parseConsole(tc.lines).write(&b)
		if b.String() != tc.want {
			t.Errorf("%s:\n%s\nwant:\n%s", tc.name, b.String(), tc.want)
		}
	}
}
