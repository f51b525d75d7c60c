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

// execSetters are the directives of systemd.exec(5).
var execSetters = map[string]setter{
	"Environment":     environment,
	"EnvironmentFile": environmentFile,
	"WorkingDirectory": func(b *builder, d unit.Directive) error {
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
	"User": func(b *builder, d unit.Directive) error {
		b.s.Process.User = d.Value
		return nil
	},
	"Group": func(b *builder, d unit.Directive) (err error) {
		if b.groupSet = d.Value != ""; b.groupSet {
			b.s.Process.GID, err = b.c.users.group(d.Value)
		}
		return err
	},
	"SupplementaryGroups": func(b *builder, d unit.Directive) error {
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
	"UMask": func(b *builder, d unit.Directive) error {
		m, err := unit.Mode(d.Value)
		b.s.Process.Umask = int(m)
		return err
	},
	"Nice": func(b *builder, d unit.Directive) error {
		var n int
		b.s.Process.Nice = &n
		return number(func(*builder) *int { return &n }, -20, 19)(b, d)
	},
	"OOMScoreAdjust": func(b *builder, d unit.Directive) error {
		var n int
		b.s.Process.OOMScoreAdjust = &n
		return number(func(*builder) *int { return &n }, -1000, 1000)(b, d)
	},
	"NoNewPrivileges":     truth(func(b *builder) *bool { return &b.s.Process.NoNewPrivs }),
	"AmbientCapabilities": ambient,
	"RuntimeDirectoryPreserve": func(b *builder, d unit.Directive) error {
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
	"PassEnvironment":  variables(func(b *builder) *[]string { return &b.s.Process.PassEnv }),
	"UnsetEnvironment": variables(func(b *builder) *[]string { return &b.s.Process.UnsetEnv }),
	"IgnoreSIGPIPE":    truth(func(b *builder) *bool { return &b.s.Process.IgnoreSIGPIPE }),
	"IOSchedulingClass": func(b *builder, d unit.Directive) error {
		class := slices.Index([]string{"none", "realtime", "best-effort", "idle"}, d.Value)
		if n, err := strconv.Atoi(d.Value); err == nil {
			class = n
		}
		if class < 0 || class > 3 {
			return fmt.Errorf("no class %q (none, realtime, best-effort, idle or 0 to 3)", d.Value)
		}
		b.ioPriority(class<<13 | b.ioLevel())
		return nil
	},
	"IOSchedulingPriority": func(b *builder, d unit.Directive) error {
		level := 0
		err := number(func(*builder) *int { return &level }, 0, 7)(b, d)
		class := 2 // best-effort
		if p := b.s.Process.IOPriority; p != nil {
			class = *p >> 13
		}
		b.ioPriority(class<<13 | level)
		return err
	},
	"CPUSchedulingPolicy": func(b *builder, d unit.Directive) error {
		policy, ok := map[string]int{"other": 0, "fifo": 1, "rr": 2, "batch": 3, "idle": 5}[d.Value]
		if !ok {
			return fmt.Errorf("no policy %q (other, fifo, rr, batch, idle)", d.Value)
		}
		b.s.Process.CPUPolicy = &policy
		return nil
	},
	"CPUSchedulingPriority":    number(func(b *builder) *int { return &b.s.Process.CPUPriority }, 0, 99),
	"CPUSchedulingResetOnFork": truth(func(b *builder) *bool { return &b.s.Process.ResetOnFork }),
	"CPUAffinity": func(b *builder, d unit.Directive) error {
		list, err := numbers(d.Value)
		if d.Value == "" {
			b.s.Process.CPUAffinity = nil
		}
		b.s.Process.CPUAffinity = append(b.s.Process.CPUAffinity, list...)
		return err
	},
	"TimerSlackNSec": func(b *builder, d unit.Directive) error {
		if n, err := strconv.ParseInt(d.Value, 10, 64); err == nil && n > 0 {
			b.s.Process.TimerSlack = n
			return nil
		}
		t, err := unit.Duration(d.Value)
		b.s.Process.TimerSlack = int64(t)
		return err
	},
	"CoredumpFilter": func(b *builder, d unit.Directive) error {
		n, err := strconv.ParseUint(d.Value, 0, 9)
		if err != nil {
			return fmt.Errorf("%q is no mask from 0 to 0x1ff", d.Value)
		}
		filter := int(n)
		b.s.Process.CoredumpFilter = &filter
		return nil
	},
	"Delegate": func(b *builder, d unit.Directive) error {
		p := &b.s.Process
		if on, err := unit.Bool(d.Value); err == nil {
			p.Delegate, p.DelegateTo = on, nil
			return nil
		}
		p.Delegate, p.DelegateTo = true, strings.Fields(d.Value)
		for _, c := range p.DelegateTo {
			if err := oneOf(c, "cpu", "cpuset", "io", "memory", "pids"); err != nil {
				return err
			}
		}
		return nil
	},
	"DelegateSubgroup": text(func(b *builder) *string { return &b.s.Process.DelegateGroup }),
	"Slice": func(b *builder, d unit.Directive) error {
		if d.Value != "" && path.Ext(d.Value) != ".slice" {
			return fmt.Errorf("%q does not end in .slice", d.Value)
		}
		b.slice = d.Value
		return nil
	},
	"MemoryPressureWatch": func(b *builder, d unit.Directive) error {
		on, err := unit.Bool(d.Value)
		if d.Value == "auto" || d.Value == "skip" {
			on, err = d.Value == "auto", nil
		}
		b.s.Process.PressureWatch = on
		return err
	},
	"MemoryPressureThresholdSec": span(func(b *builder) *time.Duration { return &b.s.Process.PressureThreshold }),
}

// ioLevel is the level of the I/O priority so far; 4 is the kernel's default.
func (b *builder) ioLevel() int {
	if p := b.s.Process.IOPriority; p != nil {
		return *p & 7
	}
	return 4
}

func (b *builder) ioPriority(n int) { b.s.Process.IOPriority = &n }

// variables collects names of environment variables, or assignments.
func variables(field func(*builder) *[]string) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			*field(b) = nil
		}
		words, err := unit.Words(d.Value)
		*field(b) = append(*field(b), words...)
		return err
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
