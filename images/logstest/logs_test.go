// Package logstest boots a small image and holds the log to its promises there.
package logstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/control"
)

// limit bounds every wait.
const limit = 2 * time.Minute

// kills is how often the component is killed; each time it starts again later.
const kills = 6

// machine is a booted image with a few questions to it.
type machine struct {
	*qemu.TestMachine
	*testing.T
}

// says waits until what a command prints satisfies a check, and returns it.
func (m machine) says(command string, check qemu.Check) (out string) {
	m.Helper()
	m.Must(limit, qemu.Eventually("the right answer to "+command, func(ctx context.Context) error {
		res, err := m.Shell(ctx, command)
		if err != nil {
			return err
		}
		out = string(res.Stdout)
		return check(out)
	}))
	return out
}

func TestLogs(t *testing.T) {
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	tm := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	tm.Must(limit, tm.AgentReady())
	tm.MustShell(limit, "clarityctl wait --timeout 60s")
	for _, test := range []struct {
		name string
		run  func(machine)
	}{
		{"configuration", configuration},
		{"structured lines", structured},
		{"the kernel's ring", ring},
		{"a flood", flood},
		{"killed again and again", killed}, // before the sink is there
		{"forwarded", forwarded},
		{"boots and checks", checks},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(machine{tm.In(t), t}) })
	}
}

func configuration(m machine) {
	m.says("clarityctl logs -t clarityd", qemu.Has("/etc/systemd/journald.conf:4: [Journal] Seal= is not acted on"))
}

func structured(m machine) {
	m.MustShell(limit, "clarityctl start json")
	m.says("clarityctl logs -u json -o cat", qemu.Has("{not JSON}\n"))
}

func ring(m machine) {
	m.MustShell(limit, "clarityctl start kmsg")
	m.says("clarityctl logs -k -o short-precise SYSLOG_IDENTIFIER=ringer SYSLOG_FACILITY=1", qemu.Has(" ringer[5]: to the ring\n"))
}

// What is kept and what is said to have been suppressed are all that there was.
func flood(m machine) {
	m.MustShell(limit, "clarityctl start flood")
	m.says("clarityctl logs -u flood -o json", func(out string) error {
		kept, suppressed := 0, 0
		for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
			var r struct {
				Message string `json:"MESSAGE"`
				Dropped string `json:"N_DROPPED"`
			}
			if err := d.Decode(&r); err != nil {
				return err
			}
			if n, err := strconv.Atoi(r.Dropped); err == nil {
				suppressed += n
			} else if strings.HasPrefix(r.Message, "flood ") {
				kept++
			}
		}
		if kept < 5000 || suppressed == 0 || kept+suppressed != 20000 {
			return fmt.Errorf("%d lines are kept, %d suppressed", kept, suppressed)
		}
		return nil
	})
}

// mainPID returns the log component's process.
func (m machine) mainPID(ctx context.Context) (int, error) {
	res, err := m.Shell(ctx, "clarityctl --json status clarity-log.service || true")
	if err != nil {
		return 0, err
	}
	var r control.StatusReply
	if err := json.Unmarshal(res.Stdout, &r); err != nil || len(r.Units) != 1 || r.Units[0].MainPID == 0 {
		return 0, fmt.Errorf("no process in %s: %v", res.Stdout, err)
	}
	return r.Units[0].MainPID, nil
}

// The component is killed while a service writes: every line is there once.
func killed(m machine) {
	m.MustShell(limit, "clarityctl start count")
	last := 0
	for range kills {
		m.Must(limit, qemu.Eventually("another log component", func(ctx context.Context) error {
			pid, err := m.mainPID(ctx)
			if err == nil && pid == last {
				err = fmt.Errorf("it is process %d still", pid)
			}
			if err == nil {
				last = pid
			}
			return err
		}))
		m.MustShell(limit, fmt.Sprintf("kill -9 %d", last))
	}
	m.MustShell(limit, "touch /run/enough")
	out := m.says("clarityctl logs -u count -o cat SYSLOG_IDENTIFIER=chatter", qemu.Has("end\n"))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, line := range lines[:len(lines)-1] {
		if want := fmt.Sprintf("count %d", i+1); line != want {
			m.Fatalf("line %d is %q", i+1, line)
		}
	}
	if len(lines) < 100 {
		m.Errorf("only %d lines in all this time", len(lines))
	}
	m.Logf("%d lines, %d kills", len(lines), kills)
}

// What was said before there was a server reaches it.
func forwarded(m machine) {
	m.MustShell(limit, "clarityctl start sink")
	var sent []byte
	m.Must(limit, qemu.Eventually("the end to arrive", func(ctx context.Context) (err error) {
		sent, err = m.Fetch(ctx, "/run/sink")
		if err == nil && !bytes.Contains(sent, []byte(`unit="count.service"`)) || !bytes.Contains(sent, []byte("] end")) {
			err = fmt.Errorf("%d bytes have", len(sent))
		}
		return err
	}))
	for i := 1; i < 100; i++ {
		if !bytes.Contains(sent, fmt.Appendf(nil, "] count %d", i)) {
			m.Fatalf("line %d of count.service was not forwarded", i)
		}
	}
	for _, part := range []string{`REQUEST_ID="r-7"`, "slog speaks", "] flood 1", "Suppressed "} {
		if !bytes.Contains(sent, []byte(part)) {
			m.Errorf("%q was not forwarded", part)
		}
	}
}

func checks(m machine) {
	m.says("clarityctl logs verify", func(out string) error {
		if strings.Contains(out, "damaged") || !strings.Contains(out, " records, ") {
			return fmt.Errorf("it says %s", out)
		}
		return nil
	})
	m.says("clarityctl logs --list-boots", qemu.Has(" records\n"))
	m.says("clarityctl logs REQUEST_ID=r-7 -o json", func(out string) error {
		var r map[string]any
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			return fmt.Errorf("%w in %q", err, out)
		}
		for name, want := range map[string]string{"MESSAGE": "slog speaks", "PRIORITY": "4", "USER_NAME": "bob", "_SYSTEMD_UNIT": "json.service",
			"SYSLOG_IDENTIFIER": "chatter", "_TRANSPORT": "stdout"} {
			if r[name] != want {
				return fmt.Errorf("%s is %v, want %s", name, r[name], want)
			}
		}
		return nil
	})
	m.says("clarityctl logs -u json -p err -o cat", qemu.Has("no level of its own\n"))
	m.says("clarityctl logs -u count -r -n 2 -o cat SYSLOG_IDENTIFIER=chatter", qemu.Has("end\ncount "))
	pid, err := m.mainPID(m.T.Context())
	if err != nil {
		m.Fatal(err)
	}
	m.Logf("the component:\n%s", m.MustShell(limit, fmt.Sprintf("grep ^Pss: /proc/%d/smaps_rollup", pid)))
}
