package compile

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// serviceSetters are the directives of systemd.service(5) and systemd.kill(5).
var serviceSetters = map[string]setter{
	"StartLimitInterval": span(func(b *builder) *time.Duration { return &b.u.StartLimit.Interval }),
	"StartLimitAction":   haltAction(func(b *builder) *plan.HaltAction { return &b.u.StartLimit.Action }),
	"FailureAction":      haltAction(func(b *builder) *plan.HaltAction { return &b.u.FailureAction }),
	"StartLimitBurst":    number(func(b *builder) *int { return &b.u.StartLimit.Burst }, 0, 1<<20),
	"Type": func(b *builder, d unit.Directive) error {
		b.typeSet = true
		b.s.Type = plan.Type(d.Value)
		all := []plan.Type{plan.Simple, plan.Exec, plan.Oneshot, plan.Forking, plan.Notify, plan.Reloads, plan.DBus, plan.Idle}
		if !slices.Contains(all, b.s.Type) {
			return fmt.Errorf("no type %q (simple, exec, oneshot, forking, notify, notify-reload, dbus, idle)", d.Value)
		}
		return nil
	},
	"BusName": text(func(b *builder) *string { return &b.busName }),
	"ExitType": func(b *builder, d unit.Directive) error {
		b.s.ExitWithGroup = d.Value == "cgroup"
		return oneOf(d.Value, "main", "cgroup")
	},
	"RestartMode": func(b *builder, d unit.Directive) error {
		b.s.RestartDirect = d.Value == "direct"
		return oneOf(d.Value, "normal", "direct")
	},
	"Sockets":                 names(func(b *builder) *[]string { return &b.s.Sockets }),
	"RuntimeMaxSec":           span(func(b *builder) *time.Duration { return &b.s.RuntimeMax }),
	"WatchdogSec":             span(func(b *builder) *time.Duration { return &b.s.Watchdog }),
	"TimeoutAbortSec":         timeout(func(b *builder) *time.Duration { return &b.s.TimeoutAbort }),
	"TimeoutStartFailureMode": failureMode(func(b *builder) *plan.FailureMode { return &b.s.StartFailureMode }),
	"TimeoutStopFailureMode":  failureMode(func(b *builder) *plan.FailureMode { return &b.s.StopFailureMode }),
	"RestartKillSignal":       signal(func(b *builder) *int { return &b.s.RestartKillSignal }),
	"WatchdogSignal":          signal(func(b *builder) *int { return &b.s.WatchdogSignal }),
	"ReloadSignal":            signal(func(b *builder) *int { return &b.s.ReloadSignal }),
	"OOMPolicy": func(b *builder, d unit.Directive) error {
		b.s.OOMPolicy = plan.OOMPolicy(d.Value)
		b.unset("memory.oom.group")
		if b.s.OOMPolicy == plan.OOMKill {
			b.set("memory.oom.group", "1")
		}
		return oneOf(d.Value, string(plan.OOMContinue), string(plan.OOMStop), string(plan.OOMKill))
	},
	"NotifyAccess":    choice(func(b *builder) *string { return &b.s.NotifyAccess }, "none", "main", "exec", "all"),
	"PIDFile":         pidFile,
	"GuessMainPID":    truth(func(b *builder) *bool { return &b.s.GuessMainPID }),
	"RemainAfterExit": truth(func(b *builder) *bool { return &b.s.RemainAfterExit }),
	"ExecCondition":   commands(func(b *builder) *[]plan.Command { return &b.s.Condition }),
	"ExecStartPre":    commands(func(b *builder) *[]plan.Command { return &b.s.StartPre }),
	"ExecStart":       commands(func(b *builder) *[]plan.Command { return &b.s.Start }),
	"ExecStartPost":   commands(func(b *builder) *[]plan.Command { return &b.s.StartPost }),
	"ExecReload":      commands(func(b *builder) *[]plan.Command { return &b.s.Reload }),
	"ExecStop":        commands(func(b *builder) *[]plan.Command { return &b.s.Stop }),
	"ExecStopPost":    commands(func(b *builder) *[]plan.Command { return &b.s.StopPost }),
	"Restart": func(b *builder, d unit.Directive) error {
		b.s.Restart = plan.Restart(d.Value)
		all := []plan.Restart{plan.RestartNo, plan.RestartAlways, plan.RestartOnSuccess, plan.RestartOnFailure,
			plan.RestartOnAbnormal, plan.RestartOnAbort, plan.RestartOnWatchdog}
		if !slices.Contains(all, b.s.Restart) {
			return fmt.Errorf("no policy %q (no, always, on-success, on-failure, on-abnormal, on-abort, on-watchdog)", d.Value)
		}
		return nil
	},
	"RestartSec":               span(func(b *builder) *time.Duration { return &b.s.RestartDelay }),
	"RestartSteps":             number(func(b *builder) *int { return &b.s.RestartSteps }, 0, 1000),
	"RestartMaxDelaySec":       span(func(b *builder) *time.Duration { return &b.s.RestartMaxDelay }),
	"SuccessExitStatus":        exitSet(func(b *builder) *plan.ExitSet { return &b.s.SuccessStatus }),
	"RestartPreventExitStatus": exitSet(func(b *builder) *plan.ExitSet { return &b.s.PreventRestart }),
	"RestartForceExitStatus":   exitSet(func(b *builder) *plan.ExitSet { return &b.s.ForceRestart }),
	"TimeoutStartSec":          timeout(func(b *builder) *time.Duration { return &b.s.TimeoutStart }),
	"TimeoutStopSec":           timeout(func(b *builder) *time.Duration { return &b.s.TimeoutStop }),
	"TimeoutSec": func(b *builder, d unit.Directive) error {
		err := timeout(func(b *builder) *time.Duration { return &b.s.TimeoutStart })(b, d)
		b.s.TimeoutStop = b.s.TimeoutStart
		return err
	},
	"KillMode": func(b *builder, d unit.Directive) error {
		b.s.KillMode = plan.KillMode(d.Value)
		if !slices.Contains([]plan.KillMode{plan.KillControlGroup, plan.KillMixed, plan.KillProcess, plan.KillNone}, b.s.KillMode) {
			return fmt.Errorf("no kill mode %q (control-group, mixed, process, none)", d.Value)
		}
		return nil
	},
	"KillSignal":      signal(func(b *builder) *int { return &b.s.KillSignal }),
	"FinalKillSignal": signal(func(b *builder) *int { return &b.s.FinalSignal }),
	"SendSIGKILL":     truth(func(b *builder) *bool { return &b.s.SendSIGKILL }),
	"SendSIGHUP":      truth(func(b *builder) *bool { return &b.s.SendSIGHUP }),
}

// failureMode reads TimeoutStartFailureMode= and TimeoutStopFailureMode=.
func failureMode(field func(*builder) *plan.FailureMode) setter {
	return func(b *builder, d unit.Directive) error {
		*field(b) = plan.FailureMode(d.Value)
		return oneOf(d.Value, string(plan.FailTerminate), string(plan.FailAbort), string(plan.FailKill))
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
