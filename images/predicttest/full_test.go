//go:build full

package predicttest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/services/bus"
)

// limit bounds every wait: the leaks take three and a half minutes.
const limit = 4 * time.Minute

func TestPredictions(t *testing.T) {
	img, _, err := images.Build(t.Context(), "clarity.toml", images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: img, NoReboot: true})
	m.Must(limit, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 120s")
	m.Must(limit, m.Prints("clarityctl predictions", qemu.Has("No failure is predicted.")))

	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if t.Failed() { // what the component said, for people
			if res, err := m.Shell(ctx, "clarityctl logs -u clarity-learn -u descriptors -u memory; clarityctl predictions"); err == nil {
				t.Logf("%s", res.Stdout)
			}
		}
	})
	// The guest waits by itself: what is asked all the time slows down what is looked at.
	until := func(text string) {
		m.MustShell(limit, "until clarityctl predictions | grep -q '"+text+"'; do sleep 2; done")
	}
	until("memory.service: memory")
	until("descriptors.service: descriptors")
	var told struct{ Predictions []bus.PredictionFailure }
	if err := json.Unmarshal([]byte(m.MustShell(limit, "clarityctl predictions --json")), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Predictions) != 2 {
		t.Errorf("two are likely to fail, and predicted are %+v", told.Predictions)
	}
	for _, f := range told.Predictions {
		switch {
		case f.Unit == "descriptors.service" && (f.Most != 1024 || f.Limit != "LimitNOFILE= of descriptors.service" || f.Policy != "restart"):
			t.Errorf("descriptors: %+v", f)
		case f.Unit == "memory.service" && (f.Most != 64<<20 || f.Limit != "MemoryMax= of memory.service" || f.Policy != "reclaim"):
			t.Errorf("memory: %+v", f)
		case f.Soonest > f.Within || f.Within > f.Latest:
			t.Errorf("the bounds are not around what is expected: %+v", f)
		}
	}
	until("reclaim of memory.service, since its memory has grown by .* were reclaimed")
	until("restart of descriptors.service, since its open descriptors have grown by .*LimitNOFILE= of descriptors.service is 1024.*: done")
	m.Must(limit, m.Prints("clarityctl predictions", qemu.HasNot("descriptors.service: descriptors\n"))) // the run that it was about is over
	m.Must(limit, m.Prints("clarityctl logs -u descriptors", qemu.HasNot("it has run out")))
	m.Must(limit, m.Prints("clarityctl logs -u clarity-learn", qemu.Has("descriptors.service is likely to fail in ", "descriptors.service: restart, since ", "descriptors.service is no longer expected to fail of its descriptors: it was ")))
	m.Must(limit, m.Prints("clarityctl show descriptors -p ActiveState", qemu.Has("ActiveState=active")))
}
