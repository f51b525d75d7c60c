package compile

import (
	"io/fs"
	"slices"

	"clarityos/services/plan"
)

// Again compiles the units of a root that already has a plan: what the image's
// definition said (system, binding, enabled units) is taken from that one. A
// unit that was enabled and is gone is not an error here.
func Again(root fs.FS, old *plan.Plan) (*plan.Plan, error) {
	opts := Options{ImageID: old.Image, Default: old.Default, System: old.System}
	p, err := Root(root, opts)
	if err != nil {
		return nil, err
	}
	for _, u := range old.Units {
		if u.Name != old.Default {
			continue
		}
		for _, w := range u.Wants {
			if slices.ContainsFunc(p.Units, func(u plan.Unit) bool { return u.Name == w }) {
				opts.Enable = append(opts.Enable, w)
			}
		}
	}
	return Root(root, opts)
}
