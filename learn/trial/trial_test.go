package trial

import (
	"slices"
	"testing"
	"time"
)

const s = time.Second

// declared is a history of boots without an order.
func declared(took ...time.Duration) (h History) {
	for _, t := range took {
		h = h.After(Outcome{Took: t, Failed: []string{"known.service"}}, false)
	}
	return h
}

func TestFault(t *testing.T) {
	for name, c := range map[string]struct {
		before History
		boot   Outcome
		why    string // "": it was good
	}{
		"faster":               {declared(10 * s), Outcome{Took: 5 * s}, ""},
		"a little slower":      {declared(10 * s), Outcome{Took: 13500 * time.Millisecond}, ""},
		"slower, once":         {declared(10*s, 10*s, 10*s), Outcome{Took: 18500 * time.Millisecond}, ""},
		"slower, again":        {declared(10*s).After(Outcome{Took: 14 * s}, true), Outcome{Took: 13501 * time.Millisecond}, "it took 13.501s, and 10s without"},
		"slower, not in a row": {declared(10*s).After(Outcome{Took: 14 * s}, true).After(Outcome{Took: 10 * s}, true), Outcome{Took: 14 * s}, ""},
		"much slower":          {declared(10*s, 10*s, 10*s), Outcome{Took: 18501 * time.Millisecond}, "it took 18.501s, and 10s without"},
		"than the median":      {declared(10*s, 100*s, 9*s), Outcome{Took: 19 * s}, "it took 19s, and 10s without"},
		"fails what starts":    {declared(10*s, 10*s), Outcome{Took: 5 * s, Failed: []string{"known.service", "new.service"}}, "new.service failed, which it did in none of 2 boots without"},
		"fails what did too":   {declared(10 * s), Outcome{Took: 5 * s, Failed: []string{"known.service"}}, ""},
		"nothing to hold to":   {History{}, Outcome{Took: time.Hour, Failed: []string{"a.service"}}, ""},
		"boots of little use":  {declared(0), Outcome{Took: 7 * s}, "it took 7s, and 0s without"},
	} {
		after := c.before.After(c.boot, true)
		if after.Why != c.why || (after.Off == 0) != (c.why == "") {
			t.Errorf("%s: %+v", name, after)
		}
	}
}

// Bad boots in a row cost twice as many as before, up to a bound, and good ones make it
// cheaper again.
func TestPrice(t *testing.T) {
	h := declared(s)
	if (History{}).Use() || !h.Use() {
		t.Error("an order is used once a boot was seen without, and not before")
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 64, 64} {
		h = h.After(Outcome{Took: time.Hour}, true)
		for n := range want {
			if h.Use() || h.Why == "" {
				t.Fatalf("after %d of %d boots without it is used again: %+v", n, want, h)
			}
			h = h.After(Outcome{Took: s}, false)
		}
		if !h.Use() || h.Why != "" {
			t.Fatalf("after %d boots without it is not used again: %+v", want, h)
		}
	}
	for range 7 {
		h = h.After(Outcome{Took: s}, true)
	}
	if h = h.Bad("why"); h.Off != 1 {
		t.Errorf("after good boots a bad one costs %d", h.Off)
	}
	if len(h.Declared) != maxDeclared {
		t.Errorf("%d outcomes are kept", len(h.Declared))
	}
}

// The latest boots of either kind are kept in their order, those that did not complete
// among them.
func TestLatest(t *testing.T) {
	h := History{}
	for i := range maxLatest {
		h = h.After(Outcome{Took: time.Duration(i+1) * s}, false)
	}
	kept := h
	h = h.After(Outcome{Took: 3 * s, Failed: []string{"a.service", "b.service"}}, true).Incomplete()
	if len(h.Latest) != maxLatest || h.Latest[0].Took != 3*s {
		t.Errorf("%+v", h.Latest)
	}
	if got, want := h.Latest[maxLatest-2:], []Brief{{3 * s, 2, true}, {0, 0, true}}; !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if h.Why == "" || h.Use() {
		t.Errorf("an order by which a boot did not complete is used again: %+v", h)
	}
	if last := kept.Latest[maxLatest-1]; last.Took != maxLatest*s || last.Ordered {
		t.Errorf("what was kept has changed: %+v", kept.Latest)
	}
	h.Latest = append(h.Latest, Brief{})
	if h.Check() == nil {
		t.Error("more boots than there is room for are taken")
	}
}
