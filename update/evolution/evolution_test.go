package evolution

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"clarityos/update/installed"
	"clarityos/update/journal"
	"clarityos/update/order"
	"clarityos/update/slots"
)

func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const every = 24 * time.Hour
	looked := func(ago time.Duration, failures int) State { return State{Looked: now.Add(-ago), Failures: failures} }
	for name, c := range map[string]struct {
		s      State
		random float64
		want   time.Duration
	}{
		"never, at once":          {State{}, 0, atLeast},
		"never, in a while":       {State{}, 0.5, 72 * time.Minute},
		"just now":                {looked(0, 0), 0.5, every},
		"a little earlier":        {looked(0, 0), 0, every * 9 / 10},
		"a while ago":             {looked(20*time.Hour, 0), 0.5, 4 * time.Hour},
		"long ago":                {looked(100*time.Hour, 0), 0.5, atLeast},
		"it has failed":           {looked(0, 1), 0.5, 5 * time.Minute},
		"it has failed again":     {looked(0, 3), 0.5, 20 * time.Minute},
		"it has failed for weeks": {looked(0, 1000), 0.5, every},
		"the clock went back":     {looked(-time.Hour, 0), 0.5, every},
	} {
		if got := Next(c.s, every, now, now, c.random); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(int64(time.Minute), int64(1000*time.Hour)).Draw(t, "every"))
		s := looked(time.Duration(rapid.Int64().Draw(t, "ago")), rapid.IntRange(0, 1<<30).Draw(t, "failures"))
		if got := Next(s, every, now, now, rapid.Float64Range(0, 0.999).Draw(t, "random")); got < atLeast || got > max(atLeast, every*11/10) {
			t.Fatalf("%v", got)
		}
	})
}

func TestDecide(t *testing.T) {
	there := order.Status{Others: []string{"3.0.0", "2.0.0"}}
	left := map[string]string{"3.0.0": "it panics"}
	install := func(version string) *order.Order {
		return &order.Order{Kind: order.Install, Who: Who, Version: version}
	}
	with := func(o *order.Order, change func(*order.Order)) *order.Order { change(o); return o }
	for name, c := range map[string]struct {
		mode    installed.Mode
		there   order.Status
		refused map[string]string
		other   string
		want    *order.Order
	}{
		"nothing":          {installed.Restart, order.Status{}, nil, "", nil},
		"manual":           {installed.Manual, there, nil, "", nil},
		"no mode":          {"", there, nil, "", nil},
		"download":         {installed.Download, there, nil, "1.0.0", with(install("3.0.0"), func(o *order.Order) { o.Download = true })},
		"it is here":       {installed.Download, there, nil, "3.0.0", nil},
		"install":          {installed.Install, there, nil, "3.0.0", install("3.0.0")},
		"the newest left":  {installed.Install, there, left, "", install("2.0.0")},
		"restart":          {installed.Restart, there, nil, "", with(install("3.0.0"), func(o *order.Order) { o.Restart = order.Policy })},
		"all of them left": {installed.Restart, order.Status{Others: []string{"3.0.0"}}, left, "", nil},
	} {
		if got := Decide(c.mode, c.there, c.refused, c.other); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The agent looks each day, sooner after a failure, and leaves other people's orders alone.
func TestAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		fails := 2
		var orders []order.Order
		a := &Agent{
			Image: installed.Image{From: "there", Every: 24 * time.Hour, Policy: installed.Install},
			Dir:   dir, Status: filepath.Join(dir, "status"), Other: func() string { return "" }, Say: func(string) {}, Random: func() float64 { return 0.5 },
		}
		began := time.Now()
		var at []time.Duration
		a.Start = func(context.Context) error { // the updater
			o, err := order.Read(dir)
			if err != nil || o == nil {
				t.Fatalf("%v, %v", o, err)
			}
			orders, at = append(orders, *o), append(at, time.Since(began))
			s := order.Status{Order: *o, Done: true, Others: []string{"2.0.0"}}
			if fails--; fails >= 0 {
				s.Error = "no network"
			}
			return errors.Join(order.Tell(a.Status, s), order.Drop(dir))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Hour)
		defer cancel()
		if err := a.Run(ctx); err != nil {
			t.Fatal(err)
		}
		var kinds []order.Kind
		for i := range orders {
			kinds, at[i] = append(kinds, orders[i].Kind), at[i].Round(time.Minute)
		}
		first := 72 * time.Minute
		want := []time.Duration{first, first + 5*time.Minute, first + 15*time.Minute, first + 15*time.Minute, first + 24*time.Hour + 15*time.Minute, first + 24*time.Hour + 15*time.Minute, first + 48*time.Hour + 15*time.Minute, first + 48*time.Hour + 15*time.Minute}
		if !reflect.DeepEqual(kinds, []order.Kind{order.Check, order.Check, order.Check, order.Install, order.Check, order.Install, order.Check, order.Install}) || !reflect.DeepEqual(at, want) {
			t.Errorf("%v at %v", kinds, at)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := order.Put(dir, &order.Order{Kind: order.Install, Who: "root"}); err != nil {
			t.Fatal(err)
		}
		a := &Agent{Image: installed.Image{From: "there", Every: time.Hour, Policy: installed.Install}, Dir: dir, Say: func(string) {}, Random: func() float64 { return 0 }}
		a.Start = func(context.Context) error { t.Error("it starts the updater for another one's order"); return nil }
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// A disk that comes is looked at, at once.
func TestPlugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		plugged := make(chan struct{}, 1)
		a := &Agent{Image: installed.Image{Policy: installed.Install}, Dir: dir, Status: filepath.Join(dir, "status"), Plugged: plugged,
			Other: func() string { return "" }, Say: func(line string) { t.Error(line) }, Random: func() float64 { return 0 }}
		var orders []order.Order
		a.Start = func(context.Context) error {
			o, err := order.Read(dir)
			orders = append(orders, *o)
			return errors.Join(err, order.Tell(a.Status, order.Status{Order: *o, Done: true, Others: []string{"2.0.0"}}), order.Drop(dir))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Hour)
		defer cancel()
		go func() {
			time.Sleep(30 * time.Hour)
			plugged <- struct{}{}
		}()
		if err := a.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(orders) != 2 || orders[0].Kind != order.Check || orders[1].Kind != order.Install || orders[0].From != medium || orders[1].From != medium || orders[1].Version != "2.0.0" {
			t.Errorf("%+v", orders)
		}
	})
}

func TestRegister(t *testing.T) {
	rec := &slots.Record{Sides: [2]slots.Side{{State: slots.Good, Version: "1.0.0"}, {State: slots.Bad, Version: "1.1.0"}}}
	records := []journal.Record{
		{Update: "x", Step: journal.Ordered, From: "https://there"},
		{Update: "x", Step: journal.Writing, Slot: "b", Version: "1.1.0"},
		{Update: "x", Step: journal.Left},
		{Update: "y", Step: journal.Ordered, From: "elsewhere"},
		{Update: "y", Step: journal.Failed, Slot: "a", Version: "1.0.0"},
	}
	image := installed.Image{Name: "demo", Version: "1.0.0", Components: map[string]string{"redis": "8", "nginx": "1"}}
	got := Register(image, "a", rec, records, "6.12", map[string][]string{"b.service": {"/etc/b"}, "a.target": nil})
	want := Registry{
		Image:      Origin{Name: "demo", Version: "1.0.0", From: written},
		Slots:      []Origin{{"a", "1.0.0", "good", written}, {"b", "1.1.0", "bad", "https://there"}},
		Kernel:     "6.12",
		Components: []Origin{{Name: "nginx", Version: "1", From: "demo 1.0.0"}, {Name: "redis", Version: "8", From: "demo 1.0.0"}},
		Units:      []Origin{{Name: "a.target"}, {Name: "b.service", From: "/etc/b"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
