package devices

import (
	"errors"
	"fmt"
	"strings"
)

// Modprobe is what the kernel runs as /sbin/modprobe when something asks for a
// feature that is a module: modprobe -q -- NAME, where NAME is a module or an
// alias such as fs-ext4.
func Modprobe(args []string) error {
	var failed []error
	for _, name := range args {
		if strings.HasPrefix(name, "-") {
			continue
		}
		l, err := newLoader(func(line string) { failed = append(failed, errors.New(line)) })
		if err != nil {
			return err
		}
		if l.prober == nil {
			return fmt.Errorf("modprobe %s: this kernel has no modules", name)
		}
		if len(l.aliases.modules(name)) > 0 {
			l.load(name)
			continue
		}
		if err := l.prober.Probe(name, ""); err != nil {
			failed = append(failed, fmt.Errorf("modprobe: %w", err))
		}
	}
	return errors.Join(failed...)
}
