package adapter

import (
	"strings"

	"clarityos/qemu/bench/workload"
)

// The three that are no inits: bounds for those that are.

// stopFloor is how all of them are told to power off.
func stopFloor() []string { return []string{"busybox", "kill", "-TERM", "1"} }

// withMany are the variants of what can bear many kills and services.
func withMany() map[string][]string {
	v := noGraph()
	v["kills"], v["flat500"] = []string{workload.Undeclared}, []string{workload.Undeclared}
	return v
}

// floor is a C loop. No PID 1 can be expected below its figures.
func floor() Init {
	return Init{
		Name: "floor", About: "not an init: a C loop of 60 lines, the floor under every figure here",
		Notes:    "starts all at once, reaps, respawns; nothing else",
		Programs: []string{"floor.c"}, PowerOff: stopFloor(), Variants: withMany(),
		Build: func(r *Root, j Job) {
			r.Program("/usr/bin/floor", "floor.c")
			r.Symlink("/init", "usr/bin/floor")
			r.Write("/etc/floor", floorTable(j))
		},
	}
}

// gofloor is the same loop in Go, each service in a cgroup of its own: what is
// left of a figure of ClarityOS's above it is not Go's doing.
func gofloor() Init {
	return Init{
		Name: "gofloor", About: "not an init: the floor in Go, each service born in its own cgroup",
		Notes:    "the floor in Go: clone3 into a cgroup each, reaps, respawns; nothing else",
		Programs: []string{"clarityos/qemu/bench/gofloor"}, PowerOff: stopFloor(), Variants: withMany(),
		Build: func(r *Root, j Job) {
			r.Program("/usr/bin/gofloor", "clarityos/qemu/bench/gofloor")
			r.Symlink("/init", "usr/bin/gofloor")
			r.Write("/etc/floor", floorTable(j))
		},
	}
}

// floorTable has one command in each line, the collector's first.
func floorTable(j Job) string {
	table := []string{strings.Join(j.Collector(), " ")}
	for _, s := range j.Services {
		table = append(table, strings.Join(s.Command(), " "))
	}
	return lines(table...)
}

// oracle is the floor told the true dependencies. No start order can be expected
// to beat it by much.
func oracle() Init {
	return Init{
		Name: "oracle", About: "not an init: the floor, told the true dependencies; bound for any order",
		Notes:    "starts each service the moment its dependencies are ready; reaps, respawns",
		Programs: []string{"oracle.c"}, PowerOff: stopFloor(),
		Variants: map[string][]string{"dag": {workload.Declared}, "chain": {workload.Declared}},
		Build: func(r *Root, j Job) {
			r.Program("/usr/bin/oracle", "oracle.c")
			r.Symlink("/init", "usr/bin/oracle")
			table := []string{"- collector " + strings.Join(j.Collector(), " ")}
			for _, s := range j.Services {
				needs := "-"
				if n := j.Needs(s); len(n) > 0 {
					needs = strings.Join(n, ",")
				}
				table = append(table, needs+" "+s.Name+" "+strings.Join(s.Command(), " "))
			}
			r.Write("/etc/oracle", lines(table...))
		},
	}
}
