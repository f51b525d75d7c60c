package status

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"clarityos/learn/profiles"
	"clarityos/services/bus"
)

// The fullest profile of the longest name fits into a message of the bus, with a
// notice that is as long as paths and errors make it.
func TestFits(t *testing.T) {
	b := profiles.New()
	unit := strings.Repeat("<", 255)
	value := func(i int) float64 { return 1.2345e7 * math.Exp2(float64(i%60)/1.7) }
	now := time.Duration(0)
	for i := range 300 {
		begun, up := now+time.Second, now+time.Second+time.Duration(value(i))
		b.InBoot(fmt.Sprint(i))
		b.Change(profiles.Change{Unit: unit, Active: "active", At: up, Begun: begun, Up: up, Restarts: i, Identity: profiles.Identity{1}})
		now = up
		for n := range 4 {
			s := profiles.Sample{At: now, Values: map[profiles.Measure]float64{}}
			for _, f := range profiles.Figures() {
				s.Values[f.Measure] = value(i) * float64(n+1)
			}
			if n == 2 {
				b.Change(profiles.Change{Unit: unit, Active: "deactivating", At: now})
			}
			b.Sample(unit, s)
			now += profiles.Window
		}
		b.Change(profiles.Change{Unit: unit, Active: "inactive", At: now})
	}
	for _, ph := range profiles.Phases() {
		r := ProfileOf(b.Profile(unit), unit, ph)
		r.Notice = strings.Repeat("n", 512)
		raw, err := json.Marshal(r)
		if err != nil || len(raw) > bus.MaxBody || len(r.Measures) < 10 {
			t.Errorf("%s: %d measures in %d bytes of %d: %v", ph, len(r.Measures), len(raw), bus.MaxBody, err)
		}
		t.Logf("%s: %d measures in %d bytes", ph, len(r.Measures), len(raw))
	}
	if r := ProfileOf(nil, "x", profiles.Start); r.Runs != 0 || len(r.Measures) != 0 {
		t.Errorf("of no profile: %+v", r)
	}
}
