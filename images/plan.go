package images

import (
	"errors"
	"fmt"

	"clarityos/services/compile"
	"clarityos/services/plan"
)

const (
	planFile   = "usr/lib/clarity/plan"
	rescueFile = "usr/lib/clarity/rescue"
)

// dataLabel is the file-system label of the data disk.
const dataLabel = "clarity-var"

// addPlan compiles the tree's units and adds the plan. It returns what the
// units ask for and nothing enforces, an error where the definition says so.
func (d *Definition) addPlan(t *Tree, id string, epoch int64, modules []string) (findings []plan.Finding, err error) {
	p, err := compile.Root(t.FS(), compile.Options{ImageID: id, Enable: d.Units, System: d.system(epoch, modules)})
	if err != nil {
		return nil, fmt.Errorf("compile the units: %w", err)
	}
	if d.Unenforced == "error" {
		var refused []error
		wanted := reached(p)
		for _, f := range p.Findings {
			if f.Security && wanted[f.Unit] {
				refused = append(refused, errors.New(f.String()))
			}
		}
		if len(refused) > 0 {
			return p.Findings, fmt.Errorf("the definition says unenforced = \"error\", and %d directives are not enforced: %w",
				len(refused), errors.Join(refused...))
		}
	}
	file, err := plan.Encode(p)
	if err != nil {
		return p.Findings, fmt.Errorf("encode the plan: %w", err)
	}
	return p.Findings, t.File("plan", RankOwn, planFile, 0o644, file)
}

// reached are the units that a boot starts: a unit that only lies in a package
// does not break the promise of unenforced = "error".
func reached(p *plan.Plan) map[string]bool {
	units := map[string]plan.Unit{}
	for _, u := range p.Units {
		units[u.Name] = u
	}
	found := map[string]bool{}
	for queue := []string{p.Default}; len(queue) > 0; queue = queue[1:] {
		if u := units[queue[0]]; !found[queue[0]] {
			found[u.Name] = true
			queue = append(append(queue, u.Wants...), u.Requires...)
		}
	}
	return found
}

// system is what the definition says about the machine.
func (d *Definition) system(epoch int64, modules []string) plan.System {
	s := plan.System{
		Hostname: d.Hostname, Built: epoch, Rescue: d.Rescue, Console: d.Console, Modules: modules,
		Components: []string{"log", "devices", "setup", "network", "agent"},
	}
	if n := d.Network; n.DHCP || n.Address != "" {
		net := plan.Network{DHCP: n.DHCP, Gateway: n.Gateway, DNS: n.DNS}
		if n.Address != "" {
			net.Address = []string{n.Address}
		}
		s.Network = []plan.Network{net}
	}
	if d.Data != nil {
		s.Data = &plan.Data{Label: dataLabel}
	}
	return s
}
