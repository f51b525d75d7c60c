package qemu

import "testing"

func TestStateOf(t *testing.T) {
	if got, err := stateOf([]byte(`{"now":1,"summary":{},"units":[{"name":"a.service","active":"failed"}]}`)); got != "failed" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{"", "clarityctl: no such unit", `{"units":[]}`, `{}`} {
		if got, err := stateOf([]byte(text)); err == nil {
			t.Errorf("%q gives %q", text, got)
		}
	}
}
