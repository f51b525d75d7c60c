package images

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"clarityos/services/compile"
	"clarityos/services/plan"
)

const rescueFile = "usr/lib/clarity/rescue"

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
		wanted := map[string]bool{} // a unit that only lies in a package breaks no promise
		for _, u := range p.Units {
			wanted[u.Name] = u.Enabled
		}
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
	for _, name := range d.Disk.Healthy {
		if !slices.ContainsFunc(p.Units, func(u plan.Unit) bool { return u.Name == name }) {
			return p.Findings, fmt.Errorf("disk.healthy: the image has no unit %s; a boot without it would never be good", name)
		}
	}
	for _, name := range d.Goal {
		if !slices.ContainsFunc(p.Units, func(u plan.Unit) bool { return u.Name == name && u.Enabled }) {
			return p.Findings, fmt.Errorf("the definition's goal %s is no enabled unit; name units in full, such as web.service", name)
		}
	}
	file, err := plan.Encode(p)
	if err != nil {
		return p.Findings, fmt.Errorf("encode the plan: %w", err)
	}
	return p.Findings, errors.Join(t.File("plan", RankOwn, plan.Path, 0o644, file), t.File("plan", RankOwn, plan.Spare, 0o644, file))
}

// system is what the definition says about the machine.
func (d *Definition) system(epoch int64, modules []string) plan.System {
	s := plan.System{
		Hostname: d.Hostname, Built: epoch, Rescue: d.Rescue, Console: d.Console, Modules: modules, Goal: d.Goal,
		Components: []string{"log", "devices", "setup", "network", "agent", "bus", "slots"}, Trial: d.trial(),
	}
	if d.Learn {
		s.Components = append(s.Components, "learn")
	}
	if d.Update != nil {
		s.Components = append(s.Components, "update", "evolution", "state")
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

// trial is when a boot of a slot is good.
func (d *Definition) trial() plan.Trial {
	long, _ := time.ParseDuration(d.Disk.For) // both were checked
	within, _ := time.ParseDuration(d.Disk.Within)
	return plan.Trial{Units: d.Disk.Healthy, For: long, Within: within, Restart: d.Disk.Corrupt == "restart"}
}
