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

// setter applies one directive. Its specifiers are already expanded, unless the
// key is one of perWord.
type setter func(b *builder, d unit.Directive) error

// setters holds every directive that is enforced, by section and key.
var setters = map[string]setter{}

func init() {
	for section, keys := range map[string]map[string]setter{
		"Unit": unitSetters, "Service": serviceSetters, "Socket": socketSetters, "X-Clarity": claritySetters,
	} {
		for key, set := range keys {
			setters[section+"."+key] = set
		}
	}
	for _, keys := range []map[string]setter{execSetters, stdioSetters} {
		for key, set := range keys {
			setters["Service."+key] = set
		}
	}
	for key, set := range cgroupSetters {
		setters["Service."+key], setters["Slice."+key] = set, set
	}
	for _, kind := range []string{"Runtime", "State", "Cache", "Logs", "Configuration"} {
		setters["Service."+kind+"Directory"] = directories(kind)
		setters["Service."+kind+"DirectoryMode"] = func(b *builder, d unit.Directive) error {
			mode, err := unit.Mode(d.Value)
			b.dirModes[kind] = mode
			return err
		}
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

// unitSetters are the directives of [Unit].
var unitSetters = map[string]setter{
	"Description":   text(func(b *builder) *string { return &b.u.Description }),
	"Documentation": ignore,
	"SourcePath":    ignore,
	"CollectMode":   ignore, // no unit is ever unloaded
	"Wants":         names(func(b *builder) *[]string { return &b.u.Wants }),
	"Requires":      names(func(b *builder) *[]string { return &b.u.Requires }),
	"Requisite":     names(func(b *builder) *[]string { return &b.u.Requisite }),
	"BindsTo":       names(func(b *builder) *[]string { return &b.u.BindsTo }),
	"PartOf":        names(func(b *builder) *[]string { return &b.u.PartOf }),
	"Upholds":       names(func(b *builder) *[]string { return &b.u.Upholds }),
	"Conflicts":     names(func(b *builder) *[]string { return &b.u.Conflicts }),
	"After":         names(func(b *builder) *[]string { return &b.u.After }),
	"OnFailure":     names(func(b *builder) *[]string { return &b.u.OnFailure }),
	"OnSuccess":     names(func(b *builder) *[]string { return &b.u.OnSuccess }),

	"PropagatesReloadTo":   names(func(b *builder) *[]string { return &b.u.PropagatesReloadTo }),
	"StopPropagatedFrom":   names(func(b *builder) *[]string { return &b.u.StopPropagatedFrom }),
	"Before":               inverse(func(r *plan.Relations) *[]string { return &r.After }),
	"ReloadPropagatedFrom": inverse(func(r *plan.Relations) *[]string { return &r.PropagatesReloadTo }),
	"PropagatesStopTo":     inverse(func(r *plan.Relations) *[]string { return &r.StopPropagatedFrom }),
	"RequiresMountsFor":    mountsFor(func(b *builder) *[]string { return &b.u.Requires }),
	"WantsMountsFor":       mountsFor(func(b *builder) *[]string { return &b.u.Wants }),

	"DefaultDependencies": truth(func(b *builder) *bool { return &b.defaultDeps }),
	"RefuseManualStart":   truth(func(b *builder) *bool { return &b.u.RefuseStart }),
	"RefuseManualStop":    truth(func(b *builder) *bool { return &b.u.RefuseStop }),
	"AllowIsolate":        truth(func(b *builder) *bool { return &b.u.AllowIsolate }),
	"IgnoreOnIsolate":     truth(func(b *builder) *bool { return &b.u.IgnoreOnIsolate }),
	"StopWhenUnneeded":    truth(func(b *builder) *bool { return &b.u.StopWhenUnneeded }),

	"StartLimitIntervalSec": span(func(b *builder) *time.Duration { return &b.u.StartLimit.Interval }),
	"StartLimitInterval":    span(func(b *builder) *time.Duration { return &b.u.StartLimit.Interval }),
	"StartLimitBurst":       number(func(b *builder) *int { return &b.u.StartLimit.Burst }, 0, 1<<20),
	"StartLimitAction":      haltAction(func(b *builder) *plan.HaltAction { return &b.u.StartLimit.Action }),
	"FailureAction":         haltAction(func(b *builder) *plan.HaltAction { return &b.u.FailureAction }),
	"SuccessAction":         haltAction(func(b *builder) *plan.HaltAction { return &b.u.SuccessAction }),
	"JobTimeoutSec":         timeout(func(b *builder) *time.Duration { return &b.u.JobTimeout }),
	"JobRunningTimeoutSec":  timeout(func(b *builder) *time.Duration { return &b.u.JobTimeout }),
	"JobTimeoutAction":      haltAction(func(b *builder) *plan.HaltAction { return &b.u.JobAction }),
}

// inverse adds this unit to a relation of the units that the line names.
func inverse(field func(*plan.Relations) *[]string) setter {
	return func(b *builder, d unit.Directive) error {
		for _, n := range strings.Fields(d.Value) {
			if err := unit.CheckName(n); err != nil {
				return err
			}
			b.c.inverse = append(b.c.inverse, inverseEdge{b.u.Name, n, field})
		}
		return nil
	}
}

// mountsFor makes a unit wait for the file systems that are mounted at boot:
// there are no others as long as mount units are not run.
func mountsFor(field func(*builder) *[]string) setter {
	return func(b *builder, d unit.Directive) error {
		for _, p := range strings.Fields(d.Value) {
			if !path.IsAbs(p) {
				return fmt.Errorf("%q is not an absolute path", p)
			}
			if list := field(b); !slices.Contains(*list, "local-fs.target") {
				*list = append(*list, "local-fs.target")
				b.u.After = append(b.u.After, "local-fs.target")
			}
		}
		return nil
	}
}

// haltAction reads the actions of systemd.unit(5). exit stands for poweroff, as
// on every system whose manager is PID 1 of the machine.
func haltAction(field func(*builder) *plan.HaltAction) setter {
	return func(b *builder, d unit.Directive) error {
		kind, how, _ := strings.Cut(d.Value, "-")
		kinds := map[string]string{"none": "", "reboot": "reboot", "poweroff": "poweroff", "halt": "halt", "exit": "poweroff"}
		to, known := kinds[kind]
		if !known || how != "" && how != "force" && how != "immediate" || to == "" && how != "" {
			return fmt.Errorf("no action %q (none, reboot, poweroff, halt or exit, with -force or -immediate)", d.Value)
		}
		*field(b) = plan.HaltAction{Kind: to, Force: how != ""}
		return nil
	}
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
