// Package undeclared boots an image of services that need each other and declare
// nothing of it, and holds what is learned to what is known of them.
package undeclared

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/learn/report"
	"clarityos/qemu"
)

// limit bounds every wait.
const limit = 3 * time.Minute

type machine struct {
	*qemu.TestMachine
	*testing.T
	cfg qemu.Config
}

func (m machine) says(command string, check qemu.Check) {
	m.Helper()
	m.Must(limit, m.Prints(command, check))
}

func boot(t *testing.T, overlays ...string) machine {
	t.Helper()
	img := build(t, overlays...)
	return start(t, qemu.Config{Image: img, Disk: t.TempDir() + "/var", DiskSize: img.DataSize})
}

func build(t *testing.T, overlays ...string) *images.Image {
	t.Helper()
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true, Override: images.Override{Overlays: overlays}})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func start(t *testing.T, cfg qemu.Config) machine {
	m := machine{qemu.ForTest(t, cfg), t, cfg}
	m.up()
	return m
}

// in is the machine for a part of a test.
func (m machine) in(t *testing.T) machine { return machine{m.In(t), t, m.cfg} }

func (m machine) up() {
	m.Helper()
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 120s")
	m.says("clarityctl logs -b -u app", qemu.Has("up"))
	m.says("clarityctl logs -b -u reader", qemu.Has("something"))
}

func (m machine) reboot() {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.T.Context(), limit)
	defer cancel()
	if err := m.Reboot(ctx); err != nil {
		m.Fatal(err)
	}
	m.up()
}

// knows waits until the edges that are not unsure are these, as "unit verdict on".
func (m machine) knows(boots int, want ...string) {
	m.Helper()
	m.Must(limit, qemu.Eventually(fmt.Sprintf("%q of %d boots", want, boots), func(ctx context.Context) error {
		res, err := m.Shell(ctx, "clarityctl graph --json 2>/dev/null")
		if err != nil {
			return err
		}
		var v struct {
			Boots int
			Edges []struct{ Unit, On, Verdict string }
		}
		if err := json.Unmarshal(res.Stdout, &v); err != nil {
			return err
		}
		var got []string
		for _, e := range v.Edges {
			if e.Verdict != "unsure" {
				got = append(got, strings.Join([]string{strings.TrimSuffix(e.Unit, ".service"), e.Verdict, strings.TrimSuffix(e.On, ".service")}, " "))
			}
		}
		if v.Boots != boots || !slices.Equal(got, want) {
			return errors.New("it is " + fmt.Sprintf("%q of %d boots", got, v.Boots))
		}
		return nil
	}))
}

// ordered holds a boot to have been started by what was learned.
func (m machine) ordered() {
	m.Helper()
	m.says("clarityctl graph", qemu.Has("this one was started by what they taught"))
	m.says("clarityctl show reader -p NRestarts", qemu.Has("NRestarts=0"))
	m.says("clarityctl logs -b -u maker", qemu.Has("maker.service is ready: what others need of it is there"))
	m.says("clarityctl logs -b -u store", qemu.Has("nice -10", "store.service is ready: what others need of it is there")) // it is on the critical path
	m.says("cat /proc/$(clarityctl show store -p MainPID --value)/autogroup", qemu.Has("nice 0"))
}

// reported holds the page of this boot to say something, and what it is made of to be
// read by the program that belongs to it.
func (m machine) reported(want ...string) {
	m.Helper()
	m.MustShell(limit, "clarityctl analyze --html /run/report.html && clarityctl analyze --report-json /run/report.json")
	ctx, cancel := context.WithTimeout(m.T.Context(), limit)
	defer cancel()
	value, err := m.Fetch(ctx, "/run/report.json")
	if err != nil {
		m.Fatal(err)
	}
	r, err := report.Decode(value)
	if err != nil {
		m.Fatal(err)
	}
	if len(r.Path) == 0 || r.Path[len(r.Path)-1].Unit != "default.target" || len(r.Notes) > 0 || len(r.Profiles) == 0 {
		m.Errorf("the critical path is %+v, of %s; %d profiles; it notes %q", r.Path, r.Boot.Target, len(r.Profiles), r.Notes)
	}
	page, err := m.Fetch(ctx, "/run/report.html")
	if err != nil {
		m.Fatal(err)
	}
	_, body, _ := strings.Cut(string(page), "<body>")
	body, _, _ = strings.Cut(body, "<script>")
	text := html.UnescapeString(strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")), " "))
	for _, w := range want {
		if !strings.Contains(text, w) {
			m.Errorf("the page lacks %q in:\n%.6000s", w, text)
		}
	}
}

// needs is the truth about the image.
var needs = []string{"app ordering store", "reader hard maker", "visitor runtime store"}

func TestGraph(t *testing.T) {
	m := boot(t)
	m.knows(1, needs...)
	m.says("clarityctl graph why app store", qemu.Has("app.service needs store.service to start\n", "app.service got ENOENT on unix /run/store.sock ", " before store.service created it; seen in 1 of 1 boots"))
	m.says("clarityctl graph why reader maker", qemu.Has("reader.service fails without maker.service\n", "reader.service got ENOENT on /run/made before maker.service created it", "its start failed and was tried again"))
	m.says("clarityctl graph why visitor store", qemu.Has("visitor.service uses store.service when it runs\n"))
	m.says("clarityctl graph why bystander store; true", qemu.Has("bystander.service was not seen to use anything of store.service"))
	m.says("clarityctl graph", qemu.Has("of 1 boot; this one was started as declared\n", "Needed, and not declared:\n  app.service after store.service\n  reader.service after maker.service"))
	m.says("clarityctl graph diff", qemu.Has("app.service", "ordering, nothing before"))
	m.says("clarityctl graph --dot", qemu.Has(`"app.service" -> "store.service"`))
	m.says("clarityctl graph --svg", qemu.Has("<svg ", "</svg>"))
	m.says("clarityctl graph export", qemu.Has("# app.service.d/50-learned.conf\n[X-Clarity]\n# app.service got ENOENT on ", "StartAfter=store.service "))

	m.says("clarityctl show reader -p NRestarts", qemu.Has("NRestarts="))
	m.reported("app.service needs store.service to start", "app.service got ENOENT on unix /run/store.sock ", "this one, as declared")
	m.reboot()
	m.ordered()
	m.knows(2, needs...)
	m.reported("It was started by what earlier boots taught.", "app.service needs store.service to start", "default.target was reached",
		"waited for store.service , which was ready at ", "until there was what it had used of it in earlier boots; nothing declares that", "1 before, as declared", "this one, as learned")
	m.MustShell(limit, "clarityctl graph ignore reader maker; clarityctl graph pin bystander visitor; clarityctl graph forget visitor store")
	m.knows(2, "app ordering store", "bystander ordering visitor", "reader ignored maker")
	m.MustShell(limit, "clarityctl graph ignore --undo reader maker; clarityctl graph pin --undo bystander visitor")

	m.reboot()
	m.ordered()
	m.knows(3, needs...)
	m.says("clarityctl graph diff", qemu.Has("visitor.service", "runtime, nothing before"))
	m.says("clarityctl impact store", qemu.Has("a restart takes store.service down for about ", "degrades  visitor.service  ", " app.service ", "unix /run/store.sock of store.service", "not notice\n"))
	m.Run("a restart with users", func(t *testing.T) {
		m := m.in(t)
		m.MustShell(limit, "clarityctl restart --users store")
		m.says("clarityctl is-active store visitor app", qemu.HasNot("inactive", "failed"))
		m.Must(limit, m.Succeeds("test $(clarityctl logs -b -u app | grep -c up$) -ge 2"))
	})
	m.Run("a reader that is killed has lost nothing", func(t *testing.T) {
		m := m.in(t)
		m.MustShell(limit, "clarityctl kill -s KILL clarity-learn")
		m.says("clarityctl show clarity-learn -p NRestarts", qemu.Has("NRestarts=1"))
		m.knows(3, needs...)
	})
	m.Run("a damaged file is set aside", func(t *testing.T) {
		m := m.in(t)
		m.MustShell(limit, `clarityctl stop clarity-learn; f=/var/lib/clarity/graph
			printf '\377' | dd of=$f bs=1 seek=200 conv=notrunc; clarityctl start clarity-learn`)
		m.says("clarityctl graph 2>&1", qemu.Has("/var/lib/clarity/graph: it is damaged: its checksum does not hold; it is set aside as /var/lib/clarity/graph.bad", "of "))
		m.MustShell(limit, "test -e /var/lib/clarity/graph.bad")
	})
}
