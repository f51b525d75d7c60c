package learn

import "testing"

func TestWidth(t *testing.T) {
	for _, c := range []struct {
		cpus  int
		turns bool
		want  int
	}{{1, false, 8}, {2, false, 12}, {16, false, 68}, {1, true, 3}, {4, true, 6}} {
		if got := widthOf(c.cpus, c.turns); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
