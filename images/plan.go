package images

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clarityos/services/compile"
	"clarityos/services/plan"
)

const planFile = "usr/lib/clarity/plan"

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
		for _, f := range p.Findings {
			if f.Security {
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

// summarize joins findings that say the same of one file into one line
// "file:lines: A=, B= message", for a person at build time.
func summarize(findings []plan.Finding) []string {
	type group struct{ file, says string }
	var order []group
	lines, keys := map[group][]string{}, map[group][]string{}
	var out []string
	for _, f := range findings {
		key, says, ok := strings.Cut(f.Message, "= ")
		if !ok || strings.Contains(key, " ") || f.Line == 0 {
			continue
		}
		g := group{f.File, says}
		if lines[g] == nil {
			order = append(order, g)
		}
		lines[g] = append(lines[g], strconv.Itoa(f.Line))
		if key += "="; !slices.Contains(keys[g], key) {
			keys[g] = append(keys[g], key)
		}
	}
	for _, g := range order {
		out = append(out, fmt.Sprintf("%s:%s: %s %s", g.file, strings.Join(lines[g], ","), strings.Join(keys[g], " "), g.says))
	}
	for _, f := range findings {
		if key, _, ok := strings.Cut(f.Message, "= "); !ok || strings.Contains(key, " ") || f.Line == 0 {
			out = append(out, f.String())
		}
	}
	return out
}
