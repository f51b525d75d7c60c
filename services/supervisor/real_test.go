//go:build full

package supervisor

import (
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"clarityos/images"
	"clarityos/services/plan"
)

// TestSchedulesOfImages boots the plans of real images by orders that may say anything:
// every boot completes, and is late by no more than patience.
func TestSchedulesOfImages(t *testing.T) {
	for _, name := range []string{"demo", "office"} {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, "../../images/"+name+"/clarity.toml")
			var names []string
			for _, u := range p.Units {
				names = append(names, u.Name)
			}
			declared, whole := bootOf(p, nil, false)
			if !whole {
				t.Fatal("the boot as declared does not complete")
			}
			t.Logf("%d units, as declared in %v", len(p.Units), declared)
			rapid.Check(t, func(t *rapid.T) {
				o, blind := genOrder(t, p), rapid.Bool().Draw(t, "blind")
				for range rapid.IntRange(0, 200).Draw(t, "more") {
					unit := func() string { return rapid.SampledFrom(names).Draw(t, "of") }
					o.After = append(o.After, plan.Learned{Unit: unit(), On: unit(), Limit: plan.SoftFor(time.Hour)})
				}
				for u := range o.Marks {
					o.Critical = append(o.Critical, u)
				}
				took, whole := bootOf(p, &o, blind)
				if limit := declared + patience; !whole || took > limit {
					t.Fatalf("the boot took %v of at most %v, and completed is %v", took, limit, whole)
				}
			})
		})
	}
}

// bootOf boots a plan whose services do as they should; whole says whether the boot
// completed before nothing moved any more.
func bootOf(p *plan.Plan, o *plan.Order, blind bool) (took time.Duration, whole bool) {
	k := newKernel(p)
	k.blind = blind
	began := k.now
	if o != nil {
		k.fold(Learned{*o})
	}
	k.fold(Boot{})
	for k.good(); k.booted == 0; k.good() {
		if !k.tick() {
			return 0, false
		}
	}
	return k.now - began, len(k.broken) == 0
}

// planOf builds an image and reads its plan.
func planOf(t *testing.T, definition string) (p *plan.Plan) {
	img, _, err := images.Build(t.Context(), definition, images.Options{Out: t.TempDir(), Lock: t.TempDir() + "/lock", Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	err = img.Walk(func(f images.File, r io.Reader) error {
		if f.Path != plan.Path {
			return nil
		}
		file, err := io.ReadAll(r)
		if err == nil {
			p, err = plan.Decode(file, img.ID)
		}
		return err
	})
	if err != nil || p == nil {
		t.Fatalf("the plan of %s: %v", definition, err)
	}
	return p
}
