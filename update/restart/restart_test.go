package restart

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAllow(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) Entry { return Entry{Asked: now.Add(-d), Policy: true} }
	person := Entry{Asked: now.Add(-time.Minute)}
	p := Policy{MinimumUptime: 10 * time.Minute, CoolDown: time.Hour, PerDay: 2}
	for name, c := range map[string]struct {
		p     Policy
		n     Now
		why   string
		until time.Duration // from now on
	}{
		"nothing bounds it":         {Policy{}, Now{Past: []Entry{ago(time.Second)}}, "", 0},
		"it is up for long enough":  {p, Now{Uptime: 10 * time.Minute}, "", 0},
		"it is not up long":         {p, Now{Uptime: 4 * time.Minute}, "has to be up for 10m0s", 6 * time.Minute},
		"it has cooled down":        {p, Now{Uptime: time.Hour, Past: []Entry{ago(time.Hour)}}, "", 0},
		"it has to cool down":       {p, Now{Uptime: time.Hour, Past: []Entry{ago(50 * time.Minute)}}, "once in 1h0m0s", 10 * time.Minute},
		"the longer wait counts":    {p, Now{Uptime: time.Minute, Past: []Entry{ago(50 * time.Minute)}}, "once in 1h0m0s", 10 * time.Minute},
		"a person's do not count":   {p, Now{Uptime: time.Hour, Past: []Entry{person, person}}, "", 0},
		"enough for a day":          {p, Now{Uptime: time.Hour, Past: []Entry{ago(2 * time.Hour), ago(20 * time.Hour)}}, "2 times in 24 hours", 4 * time.Hour},
		"more than enough":          {p, Now{Uptime: time.Hour, Past: []Entry{ago(23 * time.Hour), ago(2 * time.Hour), ago(20 * time.Hour)}}, "3 times in 24 hours", 4 * time.Hour},
		"a day ago":                 {p, Now{Uptime: time.Hour, Past: []Entry{ago(2 * time.Hour), ago(24 * time.Hour)}}, "", 0},
		"a clock that was ahead":    {p, Now{Uptime: time.Hour, Past: []Entry{ago(-time.Hour), ago(-time.Minute)}}, "", 0},
		"work is not to be stopped": {Policy{}, Now{Inhibitors: []Inhibitor{{Who: "root", Why: "a backup", PID: 7}}}, "not to be interrupted: a backup (root, process 7", 0},
	} {
		c.n.Time = now
		err := c.p.Allow(c.n)
		var w *Wait
		if errors.As(err, &w); c.why == "" && err != nil || c.why != "" && (w == nil || !strings.Contains(w.Why, c.why)) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w != nil && c.until > 0 && !w.Until.Equal(now.Add(c.until)) {
			t.Errorf("%s: until %v, and not in %v", name, w.Until, c.until)
		}
	}
}

// An inhibitor ends with the process that holds it.
func TestInhibit(t *testing.T) {
	if dir := os.Getenv("CLARITY_TEST_INHIBIT"); dir != "" {
		if _, err := Inhibit(dir, Inhibitor{Who: "child", Why: "work"}); err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("held\n")
		select {}
	}
	dir := filepath.Join(t.TempDir(), "inhibit")
	held := func(want int) {
		t.Helper()
		if all, err := Inhibitors(dir); err != nil || len(all) != want {
			t.Fatalf("%v, %v; %d are held", all, err, want)
		}
	}
	held(0)
	release, err := Inhibit(dir, Inhibitor{Who: "root", Why: "a backup"})
	if err != nil {
		t.Fatal(err)
	}
	held(1)
	cmd := exec.Command(os.Args[0], "-test.run=^TestInhibit$")
	cmd.Env = append(os.Environ(), "CLARITY_TEST_INHIBIT="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 5)
	if _, err := out.Read(line); err != nil || string(line) != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	held(2)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	held(1)
	release()
	held(0)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "restarts.json")
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	if err := End(file, "2", at, "up"); err != nil {
		t.Error(err)
	}
	for range entriesMost + 5 {
		if err := Begin(file, Entry{Asked: at, Who: "root", Boot: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := End(file, "1", at.Add(10*time.Second), "the same boot"); err != nil {
		t.Fatal(err)
	}
	if err := End(file, "2", at.Add(20*time.Second), "slot b runs"); err != nil {
		t.Fatal(err)
	}
	if err := End(file, "3", at.Add(50*time.Second), "again"); err != nil {
		t.Fatal(err)
	}
	all, err := Read(file)
	if err != nil || len(all) != entriesMost {
		t.Fatalf("%d, %v", len(all), err)
	}
	if e := all[entriesMost-1]; e.Took != 20*time.Second || e.Outcome != "slot b runs" || all[0].Outcome != "" {
		t.Errorf("%+v", e)
	}
	if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Begin(file, Entry{Who: "root"}); err != nil {
		t.Error(err)
	}
	if all, err := Read(file); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
