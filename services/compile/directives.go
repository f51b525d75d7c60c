package compile

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// setter applies one directive, whose specifiers are already expanded.
type setter func(b *builder, d unit.Directive) error

// setters holds every directive that is enforced, by section and key.
var setters = map[string]setter{
	"Unit.Description":   text(func(b *builder) *string { return &b.u.Description }),
	"Unit.Documentation": ignore,
	"Unit.Wants":         names(func(b *builder) *[]string { return &b.u.Wants }),
	"Unit.Requires":      names(func(b *builder) *[]string { return &b.u.Requires }),
	"Unit.After":         names(func(b *builder) *[]string { return &b.u.After }),
	"Unit.Conflicts":     names(func(b *builder) *[]string { return &b.u.Conflicts }),
	"Unit.Before": func(b *builder, d unit.Directive) error {
		for _, n := range strings.Fields(d.Value) {
			b.c.before = append(b.c.before, edge{b.u.Name, n})
		}
		return nil
	},
	"Unit.DefaultDependencies": func(b *builder, d unit.Directive) (err error) {
		b.defaultDeps, err = unit.Bool(d.Value)
		return err
	},
	"Unit.StartLimitIntervalSec": span(func(b *builder) *time.Duration { return &b.u.StartLimit.Interval }),
	"Unit.StartLimitInterval":    span(func(b *builder) *time.Duration { return &b.u.StartLimit.Interval }),
	"Unit.StartLimitBurst":       number(func(b *builder) *int { return &b.u.StartLimit.Burst }, 0, 1<<20),

	"Service.StartLimitInterval": span(func(b *builder) *time.Duration { return &b.u.StartLimit.Interval }),
	"Service.StartLimitBurst":    number(func(b *builder) *int { return &b.u.StartLimit.Burst }, 0, 1<<20),
	"Service.Type": func(b *builder, d unit.Directive) error {
		b.typeSet = true
		b.s.Type = plan.Type(d.Value)
		switch b.s.Type {
		case plan.Simple, plan.Exec, plan.Oneshot, plan.Forking, plan.Notify:
			return nil
		case "notify-reload":
			b.s.Type = plan.Notify
			b.note(d, plan.Unenforced, false, "Type=notify-reload is run as notify: a reload is not awaited yet")
			return nil
		case "idle":
			b.s.Type = plan.Simple
			b.note(d, plan.Unenforced, false, "Type=idle is run as simple: it does not wait for other jobs yet")
			return nil
		case "dbus":
			b.s.Type = plan.Exec
			b.note(d, plan.Unenforced, false, "Type=dbus is run as exec: the bus name is not awaited yet")
			return nil
		}
		return fmt.Errorf("no type %q (simple, exec, oneshot, forking, notify)", d.Value)
	},
	"Service.NotifyAccess":    choice(func(b *builder) *string { return &b.s.NotifyAccess }, "none", "main", "exec", "all"),
	"Service.PIDFile":         pidFile,
	"Service.GuessMainPID":    truth(func(b *builder) *bool { return &b.s.GuessMainPID }),
	"Service.RemainAfterExit": truth(func(b *builder) *bool { return &b.s.RemainAfterExit }),
	"Service.ExecCondition":   commands(func(b *builder) *[]plan.Command { return &b.s.Condition }),
	"Service.ExecStartPre":    commands(func(b *builder) *[]plan.Command { return &b.s.StartPre }),
	"Service.ExecStart":       commands(func(b *builder) *[]plan.Command { return &b.s.Start }),
	"Service.ExecStartPost":   commands(func(b *builder) *[]plan.Command { return &b.s.StartPost }),
	"Service.ExecReload":      commands(func(b *builder) *[]plan.Command { return &b.s.Reload }),
	"Service.ExecStop":        commands(func(b *builder) *[]plan.Command { return &b.s.Stop }),
	"Service.ExecStopPost":    commands(func(b *builder) *[]plan.Command { return &b.s.StopPost }),
	"Service.Restart": func(b *builder, d unit.Directive) error {
		b.s.Restart = plan.Restart(d.Value)
		all := []plan.Restart{plan.RestartNo, plan.RestartAlways, plan.RestartOnSuccess, plan.RestartOnFailure,
			plan.RestartOnAbnormal, plan.RestartOnAbort, plan.RestartOnWatchdog}
		if !slices.Contains(all, b.s.Restart) {
			return fmt.Errorf("no policy %q (no, always, on-success, on-failure, on-abnormal, on-abort, on-watchdog)", d.Value)
		}
		return nil
	},
	"Service.RestartSec":               span(func(b *builder) *time.Duration { return &b.s.RestartDelay }),
	"Service.RestartSteps":             number(func(b *builder) *int { return &b.s.RestartSteps }, 0, 1000),
	"Service.RestartMaxDelaySec":       span(func(b *builder) *time.Duration { return &b.s.RestartMaxDelay }),
	"Service.SuccessExitStatus":        exitSet(func(b *builder) *plan.ExitSet { return &b.s.SuccessStatus }),
	"Service.RestartPreventExitStatus": exitSet(func(b *builder) *plan.ExitSet { return &b.s.PreventRestart }),
	"Service.RestartForceExitStatus":   exitSet(func(b *builder) *plan.ExitSet { return &b.s.ForceRestart }),
	"Service.TimeoutStartSec":          timeout(func(b *builder) *time.Duration { return &b.s.TimeoutStart }),
	"Service.TimeoutStopSec":           timeout(func(b *builder) *time.Duration { return &b.s.TimeoutStop }),
	"Service.TimeoutSec": func(b *builder, d unit.Directive) error {
		err := timeout(func(b *builder) *time.Duration { return &b.s.TimeoutStart })(b, d)
		b.s.TimeoutStop = b.s.TimeoutStart
		return err
	},
	"Service.KillMode": func(b *builder, d unit.Directive) error {
		b.s.KillMode = plan.KillMode(d.Value)
		if !slices.Contains([]plan.KillMode{plan.KillControlGroup, plan.KillMixed, plan.KillProcess, plan.KillNone}, b.s.KillMode) {
			return fmt.Errorf("no kill mode %q (control-group, mixed, process, none)", d.Value)
		}
		return nil
	},
	"Service.KillSignal": signal(func(b *builder) *int { return &b.s.KillSignal }),
	"Service.FinalKillSignal": func(b *builder, d unit.Directive) error {
		b.note(d, plan.Unenforced, false, "FinalKillSignal= has an effect with KillMode=process only: otherwise the whole cgroup is killed")
		return signal(func(b *builder) *int { return &b.s.FinalSignal })(b, d)
	},
	"Service.SendSIGKILL": truth(func(b *builder) *bool { return &b.s.SendSIGKILL }),
	"Service.SendSIGHUP":  truth(func(b *builder) *bool { return &b.s.SendSIGHUP }),

	"Service.Environment":     environment,
	"Service.EnvironmentFile": environmentFile,
	"Service.WorkingDirectory": func(b *builder, d unit.Directive) error {
		dir, optional := strings.CutPrefix(d.Value, "-")
		if dir == "~" {
			dir = "/root"
			if b.s.Process.Home != "" {
				dir = b.s.Process.Home
			}
		}
		if dir != "" && !path.IsAbs(dir) {
			return fmt.Errorf("%q is not absolute", dir)
		}
		b.s.Process.Directory, b.s.Process.DirectoryOpt = dir, optional
		return nil
	},
	"Service.User": func(b *builder, d unit.Directive) error {
		b.s.Process.User = d.Value
		return nil
	},
	"Service.Group": func(b *builder, d unit.Directive) (err error) {
		if b.groupSet = d.Value != ""; b.groupSet {
			b.s.Process.GID, err = b.c.users.group(d.Value)
		}
		return err
	},
	"Service.SupplementaryGroups": func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			b.s.Process.Groups = nil
		}
		for _, n := range strings.Fields(d.Value) {
			id, err := b.c.users.group(n)
			if err != nil {
				return err
			}
			b.s.Process.Groups = append(b.s.Process.Groups, id)
		}
		return nil
	},
	"Service.UMask": func(b *builder, d unit.Directive) error {
		m, err := unit.Mode(d.Value)
		b.s.Process.Umask = int(m)
		return err
	},
	"Service.Nice": func(b *builder, d unit.Directive) error {
		var n int
		b.s.Process.Nice = &n
		return number(func(*builder) *int { return &n }, -20, 19)(b, d)
	},
	"Service.OOMScoreAdjust": func(b *builder, d unit.Directive) error {
		var n int
		b.s.Process.OOMScoreAdjust = &n
		return number(func(*builder) *int { return &n }, -1000, 1000)(b, d)
	},
	"Service.NoNewPrivileges":     truth(func(b *builder) *bool { return &b.s.Process.NoNewPrivs }),
	"Service.AmbientCapabilities": ambient,
	"Service.StandardInput":       input,
	"Service.StandardOutput":      output(func(b *builder) *string { return &b.s.Process.Output }),
	"Service.StandardError":       output(func(b *builder) *string { return &b.s.Process.Error }),
	"Service.TTYPath":             text(func(b *builder) *string { return &b.s.Process.TTY.Path }),
	"Service.SyslogIdentifier":    text(func(b *builder) *string { return &b.s.Process.Log.Identifier }),
	"Service.Slice":               text(func(b *builder) *string { return &b.s.Process.Slice }),
	"Service.RuntimeDirectoryPreserve": func(b *builder, d unit.Directive) error {
		if d.Value == "restart" {
			b.s.Process.KeepRuntimeDir = "restart"
			return nil
		}
		keep, err := unit.Bool(d.Value)
		if b.s.Process.KeepRuntimeDir = ""; keep {
			b.s.Process.KeepRuntimeDir = "yes"
		}
		return err
	},
	"X-Clarity.Component": func(b *builder, d unit.Directive) error {
		b.s.Component = d.Value
		return nil
	},
}

func init() {
	for _, kind := range []string{"Runtime", "State", "Cache", "Logs", "Configuration"} {
		setters["Service."+kind+"Directory"] = directories(kind)
		setters["Service."+kind+"DirectoryMode"] = func(b *builder, d unit.Directive) error {
			mode, err := unit.Mode(d.Value)
			b.dirModes[kind] = mode
			return err
		}
	}
	for key, set := range cgroupSetters {
		setters["Service."+key], setters["Slice."+key] = set, set
	}
	for name, resource := range limits {
		setters["Service.Limit"+name] = limit(resource)
	}
	for _, kind := range conditionKinds {
		setters["Unit.Condition"+kind] = condition(kind, false)
		setters["Unit.Assert"+kind] = condition(kind, true)
	}
	for _, kind := range uncheckedConditions {
		unenforcedKeys["Condition"+kind], unenforcedKeys["Assert"+kind] = true, true
	}
}

func directories(kind string) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			b.dirs = slices.DeleteFunc(b.dirs, func(l directoryLine) bool { return l.kind == kind })
			return nil
		}
		words, err := unit.Words(d.Value)
		for _, w := range words {
			w, _, _ = strings.Cut(w, ":")
			if path.IsAbs(w) || path.Clean(w) != w || strings.HasPrefix(w, "..") {
				return fmt.Errorf("%q is not a clean relative path", w)
			}
			b.dirs = append(b.dirs, directoryLine{kind, w})
		}
		return err
	}
}

func pidFile(b *builder, d unit.Directive) error {
	p := d.Value
	if p != "" && !path.IsAbs(p) {
		p = "/run/" + p
	}
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		p = "/run/" + rest
	}
	b.s.PIDFile = p
	return nil
}

func condition(kind string, assert bool) setter {
	return func(b *builder, d unit.Directive) error {
		v := d.Value
		if v == "" {
			b.u.Conditions = slices.DeleteFunc(b.u.Conditions, func(c plan.Condition) bool { return c.Assert == assert })
			return nil
		}
		c := plan.Condition{Kind: kind, Assert: assert, Source: d.Source()}
		v, c.Trigger = strings.CutPrefix(v, "|")
		v, c.Not = strings.CutPrefix(v, "!")
		c.Value = strings.TrimSpace(v)
		if strings.HasPrefix(kind, "Path") || strings.HasPrefix(kind, "File") || strings.HasPrefix(kind, "Dir") {
			if !path.IsAbs(c.Value) {
				return fmt.Errorf("%q is not an absolute path", c.Value)
			}
		}
		b.u.Conditions = append(b.u.Conditions, c)
		return nil
	}
}

func limit(resource int) setter {
	return func(b *builder, d unit.Directive) error {
		soft, hard, both := strings.Cut(d.Value, ":")
		if !both {
			hard = soft
		}
		l := plan.Limit{Resource: resource}
		var err error
		if l.Soft, err = limitValue(resource, soft); err == nil {
			l.Hard, err = limitValue(resource, hard)
		}
		if err != nil {
			return err
		}
		if l.Soft > l.Hard {
			return fmt.Errorf("the soft limit of %q is above the hard one", d.Value)
		}
		lim := &b.s.Process.Limits
		*lim = slices.DeleteFunc(*lim, func(o plan.Limit) bool { return o.Resource == resource })
		*lim = append(*lim, l)
		return nil
	}
}

func limitValue(resource int, v string) (uint64, error) {
	switch resource {
	case limits["CPU"], limits["RTTIME"]:
		if t, err := unit.Duration(v); err == nil && t != unit.Infinity {
			if resource == limits["RTTIME"] {
				return uint64(t.Microseconds()), nil
			}
			return uint64(t.Seconds()), nil
		}
	case limits["NICE"]:
		if n, err := strconv.Atoi(v); err == nil && strings.ContainsAny(v, "+-") {
			return uint64(20 - n), nil
		}
	}
	return unit.Size(v)
}
