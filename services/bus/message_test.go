package bus

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern Pattern
		yes, no []string
	}{
		{"unit.state", []string{"unit.state"}, []string{"unit", "unit.state.x", "unit.job", ""}},
		{"unit.*", []string{"unit.state", "unit.job"}, []string{"unit", "unit.a.b", "boot.state"}},
		{"*.state", []string{"unit.state", "boot.state"}, []string{"state", "unit.job"}},
		{"**", []string{"unit", "unit.state"}, nil},
		{"local.**", []string{"local", "local.a", "local.a.b"}, []string{"locale.a"}},
	} {
		if !c.pattern.Valid() {
			t.Errorf("%s is no pattern", c.pattern)
		}
		for _, topic := range c.yes {
			if !c.pattern.Matches(topic) {
				t.Errorf("%s does not match %q", c.pattern, topic)
			}
		}
		for _, topic := range c.no {
			if c.pattern.Matches(topic) {
				t.Errorf("%s matches %q", c.pattern, topic)
			}
		}
	}
	for _, p := range []Pattern{"", ".", "a..b", "a.**.b", "a*", "A", "a b", Pattern(strings.Repeat("x", 129))} {
		if p.Valid() {
			t.Errorf("%q is a pattern", p)
		}
	}
}

// Every body of the table goes through the bus, and comes back as it was.
func TestKinds(t *testing.T) {
	b := NewBroker(nil, nil)
	s := b.Subscribe("", Interest{}, true, func() {})
	for topic, k := range Kinds {
		body := k.body()
		raw := map[string]any{}
		if k.Key != "" {
			raw[k.Key] = "the key"
		}
		text, err := json.Marshal(raw)
		if err == nil {
			err = json.Unmarshal(text, body)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Publish(message(t, body), 0); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
		got := first(b.Take(s, make([]Message, 0, 2)))
		if len(got) != 1 || got[0].Topic != topic || got[0].Priority != k.Priority || got[0].Version != k.Version {
			t.Fatalf("%s: %+v", topic, got)
		}
		if again, err := Decode(got[0]); err != nil || !cmp.Equal(again, body) {
			t.Errorf("%s: %+v became %+v: %v", topic, body, again, err)
		}
	}
}
