package adapter

import (
	"fmt"

	"clarityos/qemu/bench/workload"
	"clarityos/services/compile"
	"clarityos/services/plan"
)

const clarityosNotes = "RestartSec=0 and no start limit; Type=notify + Wants/After when declared, Type=simple otherwise; " +
	"the plan is compiled when the image is built"

// clarityos is our PID 1 with clarityctl, without components.
func clarityos() Init {
	return Init{
		Name: "clarityos", About: "ClarityOS: PID 1 and clarityctl, without components",
		Notes:    clarityosNotes + "; standard output to null",
		Programs: []string{"clarityos/init", "clarityos/cmd/clarityctl"},
		PowerOff: []string{"clarityctl", "poweroff"},
		Variants: map[string][]string{"kills": {workload.Undeclared}, "flat500": {workload.Undeclared}},
		Build:    func(r *Root, j Job) { clarityosRoot(r, j, "StandardOutput=null") },
	}
}

// clarityosWithLog also has the log component, which is given every service's
// output.
func clarityosWithLog() Init {
	return Init{
		Name: "clarityos+log", About: "ClarityOS with its log component, only flat",
		Notes:    clarityosNotes + "; standard output to the log component",
		Programs: []string{"clarityos/init", "clarityos/cmd/clarityctl", "clarityos/cmd/clarityd"},
		PowerOff: []string{"clarityctl", "poweroff"},
		Variants: map[string][]string{"dag": {}, "chain": {}},
		Build: func(r *Root, j Job) {
			r.Program("/usr/lib/clarity/clarityd", "clarityos/cmd/clarityd")
			clarityosRoot(r, j, "StandardOutput=journal", "log")
		},
	}
}

func clarityosRoot(r *Root, j Job, output string, components ...string) {
	r.Program("/usr/lib/clarity/init", "clarityos/init")
	r.Symlink("/init", "usr/lib/clarity/init")
	r.Program("/usr/bin/clarityctl", "clarityos/cmd/clarityctl")
	systemdUnits(r, j, unitLines{unit: "StartLimitIntervalSec=0", service: "RestartSec=0\n" + output})
	var units []string
	for _, role := range components {
		units = append(units, "clarity-"+role+".service")
	}
	p, err := compile.Root(r.FS(), compile.Options{System: plan.System{Components: components}, Enable: units})
	if err != nil {
		r.Fail(fmt.Errorf("compile the plan: %w", err))
		return
	}
	for _, f := range p.Findings {
		r.Fail(fmt.Errorf("a unit of the benchmark is not all enforced: %s", f))
	}
	file, err := plan.Encode(p)
	if err != nil {
		r.Fail(err)
		return
	}
	r.Write(plan.Path, string(file))
}
