package report

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"clarityos/services/control"
	"clarityos/services/supervisor"
)

func TestWaits(t *testing.T) {
	r := Of(sample())
	got := map[string]string{}
	for _, u := range r.Units {
		var words []string
		for _, w := range u.Waited {
			s := fmt.Sprintf("%s %d", strings.TrimSuffix(w.On, ".service"), w.Until.Milliseconds())
			if w.Learned {
				s += " learned"
			}
			if w.Failed {
				s += " failed"
			}
			words = append(words, s)
		}
		got[u.Name] = strings.Join(words, ", ")
	}
	want := map[string]string{
		"clarity-devices.service": "", "clarity-setup.service": "clarity-devices 5600", "sysinit.target": "clarity-setup 5900",
		"store.service": "sysinit.target 5900", "cache.service": "sysinit.target 5900", "mail.service": "sysinit.target 5900", "dry.service": "sysinit.target 5900", "again.service": "",
		// It was held by nothing that is declared when it began: store has what it used.
		"shop.service":   "store 5910 learned, cache 6400, sysinit.target 5900",
		"gate.service":   "shop 8700, mail 6700 failed",
		"default.target": "gate 9000, mail 6700 failed, cache 6400",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if len(r.Later) != 1 || r.Later[0] != "later.service" {
		t.Errorf("later: %q", r.Later)
	}
}

func TestLives(t *testing.T) {
	view := func(active string, queued, begun, up, since int, waits ...string) supervisor.View {
		return supervisor.View{Name: "x", Active: active, Queued: time.Duration(queued) * ms, Begun: time.Duration(begun) * ms, Up: time.Duration(up) * ms, Since: time.Duration(since) * ms, WaitsFor: waits}
	}
	restarted := view("active", 10, 50, 60, 60)
	restarted.Restarts = 3
	late := view("active", 10, 300, 310, 310)
	late.Restarts = 1
	for name, c := range map[string]struct {
		unit supervisor.View
		want string // queued, begun, ready, ended, failed, starting; of a boot of 100 of which 105 are shown
	}{
		"up":                        {view("active", 10, 20, 30, 30), "10 20 30 105 false false"},
		"begun when asked for":      {view("active", 20, 10, 30, 30), "20 20 30 105 false false"},
		"asked for by nobody":       {view("inactive", 0, 0, 0, 0), ""},
		"done":                      {view("inactive", 10, 20, 30, 40), "10 20 30 40 false false"},
		"failed":                    {view("failed", 10, 20, 0, 40), "10 20 0 40 true false"},
		"never begun":               {view("failed", 10, 0, 0, 40), "10 40 0 40 true false"},
		"starting":                  {view("activating", 10, 20, 0, 20), "10 20 0 105 false true"},
		"waiting":                   {view("activating", 10, 0, 0, 0, "y to start"), "10 105 0 105 false true"},
		"waiting for a second time": {view("activating", 50, 10, 20, 50, "y to start"), "50 105 0 105 false true"},
		"restarted":                 {restarted, "50 50 60 105 false false"},
		"after the boot":            {view("active", 200, 210, 220, 220), "later"},
		"restarted after the boot":  {late, "later"},
	} {
		lives, later, end := Lives(control.StatusReply{Now: 1000 * ms, Summary: supervisor.Summary{BootTime: 100 * ms}, Units: []supervisor.View{c.unit}})
		got := strings.Repeat("later", len(later))
		for _, l := range lives {
			got += fmt.Sprint(l.Queued.Milliseconds(), l.Begun.Milliseconds(), l.Ready.Milliseconds(), l.Ended.Milliseconds(), " ", l.Failed, " ", l.Starting)
		}
		if got != c.want || end != 105*ms {
			t.Errorf("%s: %q until %v, want %q", name, got, end, c.want)
		}
	}
}

func TestCriticalPath(t *testing.T) {
	unit := func(name string, queued, begun, ready int, on ...string) Unit {
		u := Unit{Name: name, Queued: time.Duration(queued), Begun: time.Duration(begun), Ready: time.Duration(ready), Ended: 100}
		for _, o := range on {
			u.Waited = append(u.Waited, Wait{On: o})
		}
		return u
	}
	failed := unit("bad", 1, 2, 0)
	failed.Failed, failed.Ended = true, 7
	for name, c := range map[string]struct {
		units []Unit
		goal  string
		want  string
	}{
		"a chain":              {[]Unit{unit("a", 1, 1, 5), unit("b", 1, 5, 6, "a"), unit("c", 1, 6, 9, "b", "a")}, "c", "a b c"},
		"of a part":            {[]Unit{unit("a", 1, 1, 5), unit("b", 1, 5, 6, "a"), unit("c", 1, 6, 9, "b", "a")}, "b", "a b"},
		"by itself":            {[]Unit{unit("a", 1, 1, 5)}, "a", "a"},
		"through a failure":    {[]Unit{failed, unit("c", 1, 7, 9, "bad")}, "c", "bad! c"},
		"not up":               {[]Unit{failed}, "bad", ""},
		"no such unit":         {nil, "a", ""},
		"what is not there":    {[]Unit{unit("a", 1, 2, 5, "gone")}, "a", "a"},
		"a cycle in a report":  {[]Unit{unit("a", 1, 2, 5, "b"), unit("b", 1, 2, 5, "a")}, "a", "b a"},
		"a unit and by itself": {[]Unit{unit("a", 1, 2, 5, "a")}, "a", "a"},
	} {
		var got []string
		for _, l := range CriticalPath(c.units, c.goal) {
			if l.Failed {
				l.Unit += "!"
			}
			got = append(got, l.Unit)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}

// The path of the sample goes by what was learned.
func TestOf(t *testing.T) {
	r := Of(sample())
	var path []string
	for _, l := range r.Path {
		path = append(path, strings.TrimSuffix(l.Unit, ".service"))
	}
	if got, want := strings.Join(path, " "), "clarity-devices clarity-setup sysinit.target store shop gate default.target"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	if shop := r.Path[4]; !shop.Learned || shop.On != "store.service" {
		t.Errorf("%+v", shop)
	}
	var changes []string
	for _, c := range r.Changes.Units {
		changes = append(changes, fmt.Sprint(c.Unit, " ", c.Took, " ", c.Usual, " ", c.says()))
	}
	if want := []string{"shop.service 1.6s 200ms slower than usual", "store.service 10ms 600ms faster than usual", "gate.service 300ms 800ms faster than usual", "cache.service 500ms 400ms as usual"}; !reflect.DeepEqual(changes, want) {
		t.Errorf("changes %q, want %q", changes, want)
	}
	if len(r.Changes.Graph) != 4 || len(r.Changes.Boots) != 4 || !r.Boot.Settled {
		t.Errorf("%+v, settled %v", r.Changes, r.Boot.Settled)
	}
	// Its JSON is the same report again.
	file, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(file)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%v\n%+v\nwant\n%+v", err, again, r)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for file, want := range map[string]string{
		"":               "it is no report",
		"[]":             "it is no report",
		"{}":             "it has no version",
		`{"version":99}`: "take the clarity that belongs to the image",
	} {
		if _, err := Decode([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
}
