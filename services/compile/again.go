package compile

import (
	"io/fs"

	"clarityos/services/plan"
)

// Again compiles the units of a root that already has a plan: what the image's
// definition said (system, binding, enabled units) is taken from that one. A
// unit that was enabled and is gone is not an error here, nor is an instance
// whose template is.
//
// machine says what the specifiers of the running machine stand for, instances
// which instances of templates are wanted besides those that units name.
func Again(root fs.FS, old *plan.Plan, machine map[byte]string, instances []string) (*plan.Plan, error) {
	opts := Options{ImageID: old.Image, Default: old.Default, System: old.System, Machine: machine, Instances: instances, lenient: true}
	for _, u := range old.Units {
		if u.Name == old.Default {
			opts.Enable = u.Wants
		}
	}
	return Root(root, opts)
}
