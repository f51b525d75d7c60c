package images

import (
	"fmt"

	"clarityos/services/compile"
	"clarityos/services/plan"
)

const planFile = "usr/lib/clarity/plan"

// dataLabel is the file-system label of the data disk.
const dataLabel = "clarity-var"

// addPlan compiles the tree's units and adds the plan. It returns what the
// units ask for and nothing enforces, an error where the definition says so.
func (d *Definition) addPlan(t *Tree, id string, epoch int64, modules []string) (findings []string, err error) {
	p, err := compile.Root(t.FS(), compile.Options{ImageID: id, Enable: d.Units, System: d.system(epoch, modules)})
	if err != nil {
		return nil, fmt.Errorf("compile the units: %w", err)
	}
	for _, f := range p.Findings {
		findings = append(findings, f.String())
		if f.Security && d.Unenforced == "error" {
			err = fmt.Errorf("%s is not enforced, and the definition says unenforced = \"error\"", f)
		}
	}
	if err != nil {
		return findings, err
	}
	file, err := plan.Encode(p)
	if err != nil {
		return findings, fmt.Errorf("encode the plan: %w", err)
	}
	return findings, t.File("plan", RankOwn, planFile, 0o644, file)
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
