package cgroup

import "testing"

func TestKeyed(t *testing.T) {
	const stat = "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n"
	for key, want := range map[string]uint64{"usage_usec": 1234, "system_usec": 234, "usage": 0, "": 0} {
		if got := keyed(stat, key); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
}

func TestSumIO(t *testing.T) {
	const stat = "254:0 rbytes=4096 wbytes=100 rios=1 wios=2 dbytes=7 dios=7\n8:0 rbytes=1 wbytes=2 rios=3 wios=4\n7:0 \n"
	if got, want := sumIO(stat), (IO{4097, 102, 4, 6}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestStatm(t *testing.T) {
	for text, want := range map[string][2]uint64{"1000 300 100 5 0 60 0\n": {300, 100}, "1000 1 9 0 0 0 0\n": {1, 1}, "": {}} {
		if resident, shared := statm(text); resident != want[0] || shared != want[1] {
			t.Errorf("%q: %d and %d, want %v", text, resident, shared, want)
		}
	}
}
