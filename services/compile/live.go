package compile

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// LiveProperties names the directives that Settings takes, sorted.
func LiveProperties() []string {
	var names []string
	for name := range cgroupSetters {
		if !strings.HasSuffix(name, "Accounting") { // they are always on
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Settings compiles assignments such as "MemoryMax=64M" to what they write to
// a running service's cgroup. The directives are those of LiveProperties.
func Settings(assignments []string) ([]plan.Setting, error) {
	b := &builder{u: &plan.Unit{}, s: &plan.Service{}}
	for _, a := range assignments {
		name, value, ok := strings.Cut(a, "=")
		set := cgroupSetters[name]
		switch {
		case !ok || value == "":
			return nil, fmt.Errorf("%q is no PROPERTY=VALUE such as MemoryMax=64M", a)
		case set == nil:
			return nil, fmt.Errorf("%s= cannot be set while a unit runs; these can: %s", name, strings.Join(LiveProperties(), ", "))
		}
		if err := set(b, unit.Directive{Section: "Service", Key: name, Value: value}); err != nil {
			return nil, fmt.Errorf("%s=: %w", name, err)
		}
	}
	if len(b.s.Process.Cgroup) == 0 {
		return nil, fmt.Errorf("%s has no effect while a unit runs", strings.Join(assignments, " "))
	}
	return b.s.Process.Cgroup, nil
}

// Signal reads a signal's number or name, with or without SIG.
func Signal(text string) (int, error) { return signalNumber(strings.ToUpper(text)) }
