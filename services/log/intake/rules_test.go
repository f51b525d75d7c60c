package intake

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clarityos/services/log"
)

func TestAdmit(t *testing.T) {
	three := Rate{time.Second, 3}
	type at struct {
		ms   uint64
		want bool
	}
	for name, tc := range map[string]struct {
		rate Rate
		say  []at
	}{
		"within":            {three, []at{{1, true}, {2, true}, {3, true}}},
		"one too many":      {three, []at{{1, true}, {2, true}, {3, true}, {4, false}, {1000, false}}},
		"the next interval": {three, []at{{1, true}, {2, true}, {3, true}, {4, false}, {1001, true}, {1002, true}, {2000, true}, {2000, false}}},
		"the interval begins with its first message": {three, []at{{1, true}, {5000, true}, {5900, true}, {5999, true}, {5999, false}, {6000, true}}},
		"no interval":     {Rate{0, 3}, []at{{1, true}, {1, true}, {1, true}, {1, true}}},
		"no burst":        {Rate{time.Second, 0}, []at{{1, true}, {1, true}}},
		"turned off":      {Rate{-1, -1}, []at{{1, true}, {1, true}}},
		"time goes back":  {Rate{time.Second, 1}, []at{{9, true}, {9, false}, {3, true}, {3, false}}},
		"an hour between": {Rate{time.Second, 1}, []at{{9, true}, {3600_000, true}, {3600_000, false}}},
	} {
		var w window
		for i, s := range tc.say {
			var got bool
			if w, got = w.admit(s.ms*1000, tc.rate); got != s.want {
				t.Errorf("%s: message %d, at %d ms: %v", name, i, s.ms, got)
			}
		}
	}
}

// No interval admits more than its burst, in whatever order messages come, and
// one that is not admitted is counted.
func TestJudge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policy{rate: Rate{time.Second, rapid.IntRange(1, 5).Draw(t, "burst")}, maxLevel: rapid.IntRange(0, 7).Draw(t, "max level")}
		var l ledger
		var admitted [5][]uint64
		now, dropped := uint64(1), uint64(0)
		for range rapid.IntRange(0, 200).Draw(t, "messages") {
			now += rapid.Uint64Range(0, 300_000).Draw(t, "pause")
			priority := rapid.IntRange(0, 7).Draw(t, "priority")
			var v verdict
			l, v = l.judge(now, priority, p)
			switch {
			case (v == unwanted) != (priority > p.maxLevel):
				t.Fatalf("priority %d: %v", priority, v)
			case v == suppressed:
				dropped++
			case v == kept:
				admitted[pool(priority)] = append(admitted[pool(priority)], now)
			}
		}
		if l.suppressed != dropped {
			t.Fatalf("%d counted, %d dropped", l.suppressed, dropped)
		}
		// Windows do not overlap, so that no span of an interval's length
		// has more than two bursts.
		for _, times := range admitted {
			for i := 2 * p.rate.Burst; i < len(times); i++ {
				if times[i]-times[i-2*p.rate.Burst] < 1_000_000 {
					t.Fatalf("%d messages within a second: %v", 2*p.rate.Burst+1, times)
				}
			}
		}
	})
}

func TestPolicy(t *testing.T) {
	five, two := 5, 2
	standard := policy{rate: DefaultRate, maxLevel: log.Info}
	for name, tc := range map[string]struct {
		of   Stream
		want policy
	}{
		"nothing said": {Stream{}, standard},
		"its own rate": {Stream{RateIntervalUS: 2_000_000, RateBurst: 7}, policy{rate: Rate{2 * time.Second, 7}, maxLevel: log.Info}},
		"turned off":   {Stream{RateIntervalUS: -1}, policy{rate: Rate{-time.Microsecond, DefaultRate.Burst}, maxLevel: log.Info}},
		"level":        {Stream{LevelMax: &two}, policy{rate: DefaultRate, maxLevel: 2}},
		"the stricter": {Stream{LevelMax: &five}, policy{rate: DefaultRate, maxLevel: 5}},
		"fields": {Stream{Fields: []string{"A=b=c", "_TRUSTED=1", "lower=1", "none"}},
			policy{rate: DefaultRate, maxLevel: log.Info, fields: []log.Field{{Name: "A", Value: "b=c"}}}},
	} {
		if diff := cmp.Diff(tc.want, tc.of.policy(standard), cmp.AllowUnexported(policy{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A component is killed between suppressing and telling: the next one tells
// all of it, once, however often the store has rotated.
func TestSuppressedOverDeath(t *testing.T) {
	dir := t.TempDir()
	limits := log.Limits{SegmentBytes: 2 << 10, TotalBytes: 1 << 20}
	p := policy{rate: Rate{time.Hour, 3}, maxLevel: log.Debug}
	reopen := func() (*log.Store, *rules) {
		store, err := log.Open(dir, testBoot, limits)
		if err != nil {
			t.Fatal(err)
		}
		return store, openRules(p, store)
	}
	feed := func(n int) (stop func()) {
		store, r := reopen()
		s := &stream{Stream: Stream{ID: "ab", Unit: "a.service"}, cutPriority: -1}
		stored, _ := store.Position(s.source())
		s.stored = int64(stored)
		lines := split([]byte(strings.Repeat("line\n", n)), true, prefixes{level: log.Info})
		records, after, _ := s.records(lines, clock{1, 1000}, p, r.ledgers["a.service"])
		if err := store.Append(append(records, after.mark("a.service"))...); err != nil {
			t.Fatal(err)
		}
		r.ledgers["a.service"] = after
		return func() { store.Close() } // killed: nothing else is done
	}
	feed(10)()
	feed(10)()
	store, _ := reopen()
	for range 200 { // rotate
		if err := store.Append(log.Record{Message: "filler"}); err != nil {
			t.Fatal(err)
		}
	}
	store.Close()
	store, r := reopen()
	reports, _ := r.due(clock{1, 1 << 60})
	if len(reports) != 1 || reports[0].Message != "Suppressed 14 messages from a.service" || reports[0].Unit != "a.service" {
		t.Fatalf("%+v", reports)
	}
	if err := store.Append(reports...); err != nil {
		t.Fatal(err)
	}
	r.told(reports[0])
	if again, next := r.due(clock{1, 1 << 60}); len(again) > 0 || next != 0 {
		t.Errorf("told again: %+v", again)
	}
	store.Close()
	store, r = reopen()
	defer store.Close()
	if again, _ := r.due(clock{1, 1 << 60}); len(again) > 0 {
		t.Errorf("told again by the next component: %+v", again)
	}
}
