package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"clarityos/services/plan"
)

// Run does all steps. The error joins those that failed.
func Run(ctx context.Context, p *plan.Plan, say func(string)) error {
	var failed []error
	step := func(name string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	if p.System.Data != nil {
		step("grow the data partition", growData(p.System.Data.Label, say))
		mounted, err := mountData(ctx, p.System.Data, say)
		step("data disk", err)
		if mounted {
			step("/etc", keepEtc(say))
		}
	}
	step("kernel settings", applySysctl(p.Setup.Sysctl))
	for _, r := range p.Setup.Files {
		if err := applyRule(r); err != nil {
			step(fmt.Sprintf("%s: %s %s", r.Source, r.Type, r.Path), err)
		}
	}
	step("machine id", machineID())
	step("random seed", loadSeed())
	return errors.Join(failed...)
}

// Stop saves what the next boot starts from.
func Stop() error { return saveSeed() }

// applySysctl writes the settings, all of them even when some fail.
func applySysctl(settings []plan.Sysctl) error {
	var failed []error
	for _, s := range settings {
		err := os.WriteFile("/proc/sys/"+s.Key, []byte(s.Value), 0)
		if errors.Is(err, os.ErrNotExist) && (s.Optional || strings.ContainsAny(s.Key, "*?[")) {
			continue
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
