package trust_test

import (
	"testing"
	"time"

	"clarityos/update/trust"
)

func TestTime(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 6, 1, h, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name   string
		clock  time.Time
		passed []time.Time
		want   time.Time
	}{
		{"the clock alone", at(3), nil, at(3)},
		{"the clock is right", at(3), []time.Time{at(1), at(2)}, at(3)},
		{"a clock without a battery", time.Unix(0, 0), []time.Time{at(1), at(2)}, at(2)},
		{"a clock behind the build", at(1), []time.Time{at(2), {}}, at(2)},
		{"nothing trusted yet", at(1), []time.Time{{}, {}}, at(1)},
		{"another zone is the same time", at(3).In(time.FixedZone("", 7200)), []time.Time{at(2)}, at(3)},
	} {
		if got := trust.Time(tt.clock, tt.passed...); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
