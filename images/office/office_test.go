package office

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/bus"
)

const (
	// limit bounds every wait; making a database takes half a minute of it under TCG.
	limit = 5 * time.Minute
	// settle is how long the last uses may take to be told, once all have happened.
	settle = 30 * time.Second
)

// TestOffice is on the kernel that images have by default, TestKernels on others.
func TestOffice(t *testing.T) { learns(t, images.Override{}, "6.12.") }

// works says what shows that each daemon does what it is there for: in logs, and elsewhere.
func works(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	for _, w := range Works {
		m.Must(limit, m.Prints("clarityctl logs -b -u "+w.Unit, matches(w.Line)))
	}
	for _, w := range [][2]string{
		{"cat /run/logs/office.log", `by a stream`},
		{"cat /run/logs/office.log", `web_unix: .*"GET /stats.html HTTP/1.1" 200`},
		{"cat /run/logs/office.log", `web_udp: .*"GET /motd.txt HTTP/1.1" 200`},
		{"ls -l /proc/$(pidof rngd)/fd", `/dev/noise`},
	} {
		m.Must(limit, m.Prints(w[0], matches(regexp.MustCompile(w[1]))))
	}
}

func learns(t *testing.T, override images.Override, release string) {
	truth := truth(t)
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true, Override: override})
	if err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.Must(limit, m.Prints("uname -r", qemu.Has(release)))
	m.Must(limit, m.Prints("clarityctl status", qemu.Has("state    running", "default.target reached")))
	works(t, m)
	var score Score
	_ = m.Await(t.Context(), settle, qemu.Eventually("the uses that there are", func(ctx context.Context) error {
		told, err := uses(ctx, m)
		if err != nil {
			return err
		}
		if score = Compare(truth, told); !score.Good() {
			return fmt.Errorf("%s", score)
		}
		return nil
	})) // the score says it all
	t.Logf("%s%s", m.MustShell(limit, "clarityctl status; clarityctl learn status"), score)
	if !score.Good() {
		t.Errorf("recall is %.3f, wanted %.2f, and %d uses are wrong", score.Recall(), Recall, len(score.Wrong))
	}
}

func truth(t *testing.T) []Use {
	t.Helper()
	f, err := os.Open("truth.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth, err := ReadTruth(f)
	if err != nil {
		t.Fatalf("truth.txt: %v", err)
	}
	return truth
}

func matches(re *regexp.Regexp) qemu.Check {
	return func(out string) error {
		if !re.MatchString(out) {
			return fmt.Errorf("it prints nothing that matches /%s/", re)
		}
		return nil
	}
}

// uses are those that the bus has. Their phases and failures do not count.
func uses(ctx context.Context, m *qemu.TestMachine) (told []Use, err error) {
	res, err := m.Shell(ctx, "clarityctl events --topic dependency.use --json")
	if err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(strings.NewReader(string(res.Stdout))); dec.More(); {
		var msg bus.Message
		if err := dec.Decode(&msg); err != nil {
			return nil, err
		}
		b, err := bus.Decode(msg)
		if err != nil {
			return nil, err
		}
		u := b.(*bus.DependencyUse)
		told = append(told, Use{User: u.Unit, Owner: u.On, Kind: u.Kind, Object: u.Object})
	}
	return told, nil
}

func TestScore(t *testing.T) {
	truth, err := ReadTruth(strings.NewReader("# what\n\na b unix:/run/b\na c tcp:127.0.0.1:1\n"))
	if err != nil || len(truth) != 2 || truth[1].Object != "127.0.0.1:1" {
		t.Fatalf("%v, %v", truth, err)
	}
	image := Use{"a", "clarity-bus.service", "unix", "/run/clarity/bus"}
	if s := Compare(truth, append(truth, truth[0], image)); !s.Good() || s.String() != "recall 1.000, unix 1/1, tcp 1/1" {
		t.Errorf("all: %s", s)
	}
	s := Compare(truth, []Use{truth[0], {"b", "a", "unix", "/run/b"}})
	if want := "recall 0.500, unix 1/1, tcp 0/1\nmissing: a c tcp:127.0.0.1:1\nwrong:   b a unix:/run/b"; s.Good() || s.String() != want {
		t.Errorf("half: %s", s)
	}
	for _, bad := range []string{"a b", "a b unix", "a b unix:", "a b unix:/x\na b unix:/x"} {
		if got, err := ReadTruth(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}
