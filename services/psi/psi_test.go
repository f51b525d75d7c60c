package psi

import (
	"testing"
	"time"
)

func TestSome(t *testing.T) {
	const text = "some avg10=0.00 avg60=1.00 avg300=0.15 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
	if got, ok := Some([]byte(text)); !ok || got != 123456*time.Microsecond {
		t.Errorf("%v, %v", got, ok)
	}
	for _, bad := range []string{"", "full avg10=0.00 total=7\n", "some total=\n", "some avg10=0.00\n"} {
		if got, ok := Some([]byte(bad)); ok {
			t.Errorf("%q: %v", bad, got)
		}
	}
}
