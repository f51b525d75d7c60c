package cgroup

import "testing"

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"0::/system.slice/a.service\n", true},
		{"0::/system.slice/a.service/sub/deep\n", true},
		{"0::/system.slice/a.service2\n", false},
		{"0::/system.slice\n", false},
		{"1:name=other:/system.slice/a.service\n0::/init.scope\n", false},
		{"", false},
	} {
		if got := below(c.text, "system.slice/a.service"); got != c.want {
			t.Errorf("%q: %v", c.text, got)
		}
	}
}
