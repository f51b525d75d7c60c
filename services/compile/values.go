package compile

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

func ignore(*builder, unit.Directive) error { return nil }

func text(field func(*builder) *string) setter {
	return func(b *builder, d unit.Directive) error {
		*field(b) = d.Value
		return nil
	}
}

func truth(field func(*builder) *bool) setter {
	return func(b *builder, d unit.Directive) (err error) {
		*field(b), err = unit.Bool(d.Value)
		return err
	}
}

func span(field func(*builder) *time.Duration) setter {
	return func(b *builder, d unit.Directive) (err error) {
		*field(b), err = unit.Duration(d.Value)
		return err
	}
}

// timeout is a span in which 0 means for ever.
func timeout(field func(*builder) *time.Duration) setter {
	return func(b *builder, d unit.Directive) (err error) {
		if *field(b), err = unit.Duration(d.Value); *field(b) == 0 {
			*field(b) = plan.Infinity
		}
		return err
	}
}

func number(field func(*builder) *int, low, high int) setter {
	return func(b *builder, d unit.Directive) error {
		n, err := strconv.Atoi(d.Value)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is no number from %d to %d", d.Value, low, high)
		}
		*field(b) = n
		return nil
	}
}

func choice(field func(*builder) *string, values ...string) setter {
	return func(b *builder, d unit.Directive) error {
		*field(b) = d.Value
		return oneOf(d.Value, values...)
	}
}

// names collects unit names; an empty value starts the list anew.
func names(field func(*builder) *[]string) setter {
	return func(b *builder, d unit.Directive) error {
		list := field(b)
		if d.Value == "" {
			*list = nil
		}
		for _, n := range strings.Fields(d.Value) {
			if err := unit.CheckName(n); err != nil {
				return err
			}
			*list = append(*list, n)
		}
		return nil
	}
}

func commands(field func(*builder) *[]plan.Command) setter {
	return func(b *builder, d unit.Directive) error {
		list := field(b)
		if d.Value == "" {
			*list = nil
			return nil
		}
		words, err := b.words(d)
		if err != nil {
			return err
		}
		var line []string
		for i, w := range append(words, ";") {
			if w != ";" {
				line = append(line, w)
				continue
			}
			if len(line) == 0 {
				return fmt.Errorf("word %d: an empty command", i+1)
			}
			c, err := command(line)
			if err != nil {
				return err
			}
			*list = append(*list, c)
			line = nil
		}
		return nil
	}
}

func command(words []string) (plan.Command, error) {
	c := plan.Command{Argv: slices.Clone(words)}
	at := false
	prog := words[0]
prefixes:
	for ; prog != ""; prog = prog[1:] {
		switch prog[0] {
		case '-':
			c.IgnoreFailure = true
		case '+':
			c.Privileged = true
		case '!':
			c.KeepUser = true
		case ':':
			c.Literal = true
		case '@':
			at = true
		default:
			break prefixes
		}
	}
	if prog == "" {
		return c, fmt.Errorf("no program after the prefix %q", words[0])
	}
	if strings.Contains(prog, "/") && !path.IsAbs(prog) {
		return c, fmt.Errorf("program %q is neither absolute nor a plain name", prog)
	}
	c.Path, c.Argv[0] = prog, prog
	if at {
		if len(words) < 2 {
			return c, fmt.Errorf("%q needs a second word, which becomes argv[0]", words[0])
		}
		c.Argv = c.Argv[1:]
	}
	for _, a := range c.Argv[1:] {
		c.Substitute = c.Substitute || !c.Literal && strings.Contains(a, "$")
	}
	return c, nil
}

func environment(b *builder, d unit.Directive) error {
	if d.Value == "" {
		b.s.Process.Environment = nil
		return nil
	}
	words, err := b.words(d)
	if err != nil {
		return err
	}
	for _, w := range words {
		if k, _, ok := strings.Cut(w, "="); !ok || k == "" {
			return fmt.Errorf("%q is no KEY=value", w)
		}
		b.s.Process.Environment = append(b.s.Process.Environment, w)
	}
	return nil
}

func environmentFile(b *builder, d unit.Directive) error {
	if d.Value == "" {
		b.s.Process.EnvFiles = nil
		return nil
	}
	p, optional := strings.CutPrefix(d.Value, "-")
	if !path.IsAbs(p) {
		return fmt.Errorf("%q is not an absolute path", p)
	}
	b.s.Process.EnvFiles = append(b.s.Process.EnvFiles, plan.EnvFile{Path: p, Optional: optional})
	return nil
}

func signal(field func(*builder) *int) setter {
	return func(b *builder, d unit.Directive) error {
		n, err := signalNumber(d.Value)
		*field(b) = n
		return err
	}
}

func signalNumber(v string) (int, error) {
	if n, err := strconv.Atoi(v); err == nil && n > 0 && n <= 64 {
		return n, nil
	}
	name := v
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if n := unix.SignalNum(name); n != 0 {
		return int(n), nil
	}
	if rest, ok := strings.CutPrefix(name, "SIGRTMIN"); ok {
		if n, err := strconv.Atoi("0" + strings.TrimPrefix(rest, "+")); err == nil && n <= 30 {
			return 34 + n, nil
		}
	}
	return 0, fmt.Errorf("no signal %q", v)
}

// The exit codes of sysexits.h and of the LSB that units name.
var exitNames = map[string]int{
	"SUCCESS": 0, "FAILURE": 1, "INVALIDARGUMENT": 2, "NOTIMPLEMENTED": 3, "NOPERMISSION": 4,
	"NOTINSTALLED": 5, "NOTCONFIGURED": 6, "NOTRUNNING": 7, "USAGE": 64, "DATAERR": 65, "NOINPUT": 66,
	"NOUSER": 67, "NOHOST": 68, "UNAVAILABLE": 69, "SOFTWARE": 70, "OSERR": 71, "OSFILE": 72,
	"CANTCREAT": 73, "IOERR": 74, "TEMPFAIL": 75, "PROTOCOL": 76, "NOPERM": 77, "CONFIG": 78,
}

func exitSet(field func(*builder) *plan.ExitSet) setter {
	return func(b *builder, d unit.Directive) error {
		set := field(b)
		if d.Value == "" {
			*set = plan.ExitSet{}
		}
		for _, w := range strings.Fields(d.Value) {
			if n, err := strconv.Atoi(w); err == nil && n >= 0 && n <= 255 {
				set.Codes = append(set.Codes, n)
			} else if n, ok := exitNames[w]; ok {
				set.Codes = append(set.Codes, n)
			} else if n, err := signalNumber(w); err == nil {
				set.Signals = append(set.Signals, n)
			} else {
				return fmt.Errorf("%q is neither an exit code from 0 to 255 nor a signal", w)
			}
		}
		return nil
	}
}

// The numbers of include/uapi/asm-generic/resource.h.
var limits = map[string]int{
	"CPU": 0, "FSIZE": 1, "DATA": 2, "STACK": 3, "CORE": 4, "RSS": 5, "NPROC": 6, "NOFILE": 7,
	"MEMLOCK": 8, "AS": 9, "LOCKS": 10, "SIGPENDING": 11, "MSGQUEUE": 12, "NICE": 13, "RTPRIO": 14, "RTTIME": 15,
}

// capabilities in the order of include/uapi/linux/capability.h.
var capabilities = strings.Fields(`chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
	linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio
	sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
	audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon
	bpf checkpoint_restore`)

func ambient(b *builder, d unit.Directive) error {
	if strings.HasPrefix(d.Value, "~") {
		b.note(d, plan.Unenforced, true, "AmbientCapabilities=%s: the inverted form is not enforced yet", d.Value)
		return nil
	}
	if d.Value == "" {
		b.s.Process.Ambient = nil
	}
	for _, w := range strings.Fields(d.Value) {
		n := slices.Index(capabilities, strings.TrimPrefix(strings.ToLower(w), "cap_"))
		if n < 0 {
			return fmt.Errorf("no capability %q", w)
		}
		b.s.Process.Ambient = append(b.s.Process.Ambient, n)
	}
	return nil
}
