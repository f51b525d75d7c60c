package supervisor

import (
	"fmt"
	"testing"

	"clarityos/services/plan"
)

// BenchmarkBoot folds the boot of 50 independent services.
func BenchmarkBoot(b *testing.B) {
	var units []plan.Unit
	for i := range 50 {
		units = append(units, service(fmt.Sprintf("s%02d", i), after("s00")))
	}
	units[0].After = nil
	p := system(units...)
	b.ReportAllocs()
	for b.Loop() {
		s := New(p)
		answer := func(actions []Action) (asked []Spawn) {
			for _, a := range actions {
				if sp, ok := a.(Spawn); ok {
					asked = append(asked, sp)
				}
			}
			return asked
		}
		asked := answer(s.Fold(1, Boot{}))
		for i := 0; i < len(asked); i++ {
			asked = append(asked, answer(s.Fold(2, Spawned{Token: asked[i].Token, PID: i + 2}))...)
			s.Fold(3, Executed{Token: asked[i].Token})
			s.Next()
		}
		if len(asked) != 50 {
			b.Fatalf("%d services were started", len(asked))
		}
	}
}
