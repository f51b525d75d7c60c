package trial

import "testing"

func TestKind(t *testing.T) {
	for text, want := range map[string]string{
		"processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2 GHz\n": "any, 2 × Some CPU @ 2 GHz",
		"processor\t: 0\nCPU part\t: 0xd07\n": "any, 1 × 0xd07",
		"":                                    "any, 0 × ",
	} {
		if got := kindOf("any", text); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
