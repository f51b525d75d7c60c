package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarityos/services/control"
	"clarityos/services/plan"
)

// property is one line of show.
type property struct{ name, value string }

// properties are all of a unit's, in the order in which they are shown; many are
// empty. all are the relations of every unit, for those that point here.
func properties(r control.ShowReply, all []control.UnitRelations) []property {
	u, v := r.Unit, r.View
	load := "loaded"
	switch {
	case u.Broken == "the unit is masked":
		load = "masked"
	case u.Broken != "":
		load = "bad-setting"
	}
	file, dropIns := "", []string{}
	if len(u.Sources) > 0 {
		file, dropIns = u.Sources[0], u.Sources[1:]
	}
	list := []property{
		{"Id", u.Name}, {"Names", u.Name}, {"Description", u.Description},
		{"LoadState", load}, {"LoadError", u.Broken}, {"FragmentPath", file}, {"DropInPaths", strings.Join(dropIns, " ")},
		{"UnitFileState", choice(u.Enabled, "enabled", "static")},
		{"ActiveState", v.Active}, {"SubState", string(v.Phase)}, {"Result", string(v.Result)}, {"ResultCause", v.Cause},
		{"StatusText", v.Status}, {"Health", string(v.Health)}, {"HealthCause", v.HealthCause},
		{"Job", string(v.Job)}, {"JobWaitsFor", strings.Join(v.WaitsFor, ", ")},
		{"StateChangeTimestampMonotonic", micros(v.Since)}, {"InactiveExitTimestampMonotonic", micros(v.Begun)},
		{"ActiveEnterTimestampMonotonic", micros(v.Up)},
	}
	list = append(list, relationProperties(u.Name, u.Relations, all)...)
	list = append(list,
		property{"StartLimitIntervalUSec", span(u.StartLimit.Interval)}, property{"StartLimitBurst", strconv.Itoa(u.StartLimit.Burst)},
		property{"RefuseManualStart", yes(u.RefuseStart)}, property{"RefuseManualStop", yes(u.RefuseStop)},
		property{"AllowIsolate", yes(u.AllowIsolate)}, property{"StopWhenUnneeded", yes(u.StopWhenUnneeded)})
	if u.Service != nil {
		list = append(list,
			property{"MainPID", strconv.Itoa(v.MainPID)}, property{"ControlPID", strconv.Itoa(v.ControlPID)},
			property{"ExecMainStartTimestampMonotonic", began(v.MainPID)}, property{"NRestarts", strconv.Itoa(v.Restarts)})
		list = append(list, serviceProperties(u.Service)...)
		list = append(list, usageProperties(r.Usage)...)
		list = append(list, limitProperties(slices.Concat(u.Service.Process.Cgroup, r.Live))...)
	}
	return list
}

func relationProperties(name string, r plan.Relations, all []control.UnitRelations) []property {
	pointing := func(list func(*plan.Relations) []string) string {
		var out []string
		for i := range all {
			if slices.Contains(list(&all[i].Relations), name) {
				out = append(out, all[i].Name)
			}
		}
		return strings.Join(out, " ")
	}
	join := func(list []string) string { return strings.Join(list, " ") }
	return []property{
		{"Wants", join(r.Wants)}, {"Requires", join(r.Requires)}, {"Requisite", join(r.Requisite)}, {"BindsTo", join(r.BindsTo)},
		{"PartOf", join(r.PartOf)}, {"Upholds", join(r.Upholds)}, {"Conflicts", join(r.Conflicts)}, {"After", join(r.After)},
		{"OnFailure", join(r.OnFailure)}, {"OnSuccess", join(r.OnSuccess)},
		{"PropagatesReloadTo", join(r.PropagatesReloadTo)}, {"StopPropagatedFrom", join(r.StopPropagatedFrom)},
		{"Before", pointing(func(r *plan.Relations) []string { return r.After })},
		{"WantedBy", pointing(func(r *plan.Relations) []string { return r.Wants })},
		{"RequiredBy", pointing(func(r *plan.Relations) []string { return r.Requires })},
		{"BoundBy", pointing(func(r *plan.Relations) []string { return r.BindsTo })},
		{"ConsistsOf", pointing(func(r *plan.Relations) []string { return r.PartOf })},
		{"ConflictedBy", pointing(func(r *plan.Relations) []string { return r.Conflicts })},
	}
}

func serviceProperties(s *plan.Service) []property {
	p := &s.Process
	number := func(n *int) string {
		if n == nil {
			return ""
		}
		return strconv.Itoa(*n)
	}
	list := []property{
		{"Type", string(s.Type)}, {"Restart", string(s.Restart)}, {"RestartUSec", span(s.RestartDelay)},
		{"NotifyAccess", s.NotifyAccess}, {"PIDFile", s.PIDFile}, {"RemainAfterExit", yes(s.RemainAfterExit)},
		{"TimeoutStartUSec", span(s.TimeoutStart)}, {"TimeoutStopUSec", span(s.TimeoutStop)},
		{"RuntimeMaxUSec", span(s.RuntimeMax)}, {"WatchdogUSec", span(s.Watchdog)},
		{"KillMode", string(s.KillMode)}, {"KillSignal", strconv.Itoa(s.KillSignal)}, {"SendSIGKILL", yes(s.SendSIGKILL)},
		{"User", p.User}, {"WorkingDirectory", p.Directory}, {"UMask", choice(p.Umask < 0, "0022", fmt.Sprintf("%04o", max(p.Umask, 0)))},
		{"Nice", number(p.Nice)}, {"OOMScoreAdjust", number(p.OOMScoreAdjust)}, {"NoNewPrivileges", yes(p.NoNewPrivs)},
		{"Environment", strings.Join(p.Environment, " ")},
		{"StandardInput", choice(p.Input == "", "null", p.Input)}, {"StandardOutput", choice(p.Output == "", "journal", p.Output)},
		{"StandardError", choice(p.Error == "", "inherit", p.Error)},
	}
	for _, l := range []struct {
		name     string
		commands []plan.Command
	}{
		{"ExecCondition", s.Condition}, {"ExecStartPre", s.StartPre}, {"ExecStart", s.Start}, {"ExecStartPost", s.StartPost},
		{"ExecReload", s.Reload}, {"ExecStop", s.Stop}, {"ExecStopPost", s.StopPost},
	} {
		var lines []string
		for _, c := range l.commands {
			lines = append(lines, fmt.Sprintf("{ path=%s ; argv[]=%s ; ignore_errors=%s }", c.Path, strings.Join(c.Argv, " "), yes(c.IgnoreFailure)))
		}
		list = append(list, property{l.name, strings.Join(lines, " ")})
	}
	return list
}

func usageProperties(u *control.Usage) []property {
	if u == nil {
		return []property{{"ControlGroup", ""}}
	}
	n := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return []property{
		{"ControlGroup", "/" + u.Cgroup}, {"MemoryCurrent", n(u.Memory)}, {"MemoryPeak", n(u.MemoryPeak)}, {"MemorySwapCurrent", n(u.Swap)},
		{"CPUUsageNSec", strconv.FormatInt(u.CPU.Nanoseconds(), 10)}, {"TasksCurrent", n(u.Tasks)},
		{"IOReadBytes", n(u.Read)}, {"IOWriteBytes", n(u.Written)}, {"IOReadOperations", n(u.Reads)}, {"IOWriteOperations", n(u.Writes)},
		{"OOMKills", n(u.OOMKills)},
	}
}

// limitProperties are the limits in force, the last setting of a file counting.
func limitProperties(settings []plan.Setting) []property {
	var list []property
	for _, l := range []struct{ name, file, unset string }{
		{"MemoryMin", "memory.min", "0"}, {"MemoryLow", "memory.low", "0"}, {"MemoryHigh", "memory.high", "infinity"},
		{"MemoryMax", "memory.max", "infinity"}, {"MemorySwapMax", "memory.swap.max", "infinity"},
		{"MemoryZSwapMax", "memory.zswap.max", "infinity"}, {"TasksMax", "pids.max", "infinity"},
		{"CPUWeight", "cpu.weight", "100"}, {"CPUIdle", "cpu.idle", ""}, {"CPUMax", "cpu.max", ""},
		{"AllowedCPUs", "cpuset.cpus", ""}, {"AllowedMemoryNodes", "cpuset.mems", ""},
		{"IOWeight", "io.weight", ""}, {"IOMax", "io.max", ""}, {"IOLatency", "io.latency", ""},
	} {
		value := l.unset
		for _, s := range settings {
			if s.File == l.file {
				value = s.Value
			}
		}
		list = append(list, property{l.name, choice(value == "max", "infinity", value)})
	}
	return list
}

// began is when a process was started, in µs since the kernel began: field 22 of
// proc_pid_stat(5), in ticks of 10 ms.
func began(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	if f := strings.Fields(rest); len(f) > 19 {
		if ticks, err := strconv.ParseInt(f[19], 10, 64); err == nil {
			return micros(time.Duration(ticks) * 10 * time.Millisecond)
		}
	}
	return ""
}

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// span is a time span as systemctl prints it, such as "1min 30s".
func span(d time.Duration) string {
	if d == plan.Infinity {
		return "infinity"
	}
	var parts []string
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}} {
		if n := d / unit.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, unit.name))
			d -= n * unit.of
		}
	}
	if parts == nil {
		return "0"
	}
	return strings.Join(parts, " ")
}

func yes(b bool) string { return choice(b, "yes", "no") }

func choice(b bool, then, otherwise string) string {
	if b {
		return then
	}
	return otherwise
}
