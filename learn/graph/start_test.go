package graph

import (
	"reflect"
	"testing"
	"time"

	"clarityos/services/plan"
)

func TestStart(t *testing.T) {
	b := NewBoot("1")
	for i, u := range []string{"db.service", "app.service", "web.service", "visitor.service"} {
		b.Started(Start{Unit: u, Begun: time.Second, Ready: time.Duration(i+2) * time.Second})
	}
	b.Use(Use{Unit: "app.service", On: "db.service", Kind: "unix", Object: "/run/db", Start: true, Failed: "ENOENT"})
	b.Use(Use{Unit: "visitor.service", On: "db.service", Kind: "tcp", Object: "127.0.0.1:1"})
	b.Complete(0, time.Minute, nil)
	got := NewModel().Learn(b).Start(map[string][]string{"web.service": {"app.service"}})
	want := &plan.Order{
		After:    []plan.Learned{{Unit: "app.service", On: "db.service", Limit: plan.SoftFor(time.Second)}},
		Uses:     []plan.Use{{Unit: "visitor.service", On: "db.service"}},
		Marks:    map[string][]plan.Mark{"db.service": {{Kind: "unix", Name: "/run/db", P: .96875}}},
		Ranks:    map[string]time.Duration{"db.service": 6 * time.Second, "app.service": 5 * time.Second, "web.service": 3 * time.Second, "visitor.service": 4 * time.Second},
		Critical: []string{"app.service", "db.service", "web.service"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
	if _, err := got.Encode(); err != nil {
		t.Error(err)
	}
}
