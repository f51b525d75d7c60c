package compile

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// stdioSetters are the directives of systemd.exec(5) about input, output,
// terminals and the log.
var stdioSetters = map[string]setter{
	"StandardInput":     input,
	"StandardInputText": inputData(func(v string) ([]byte, error) { return []byte(unescaped(v) + "\n"), nil }),
	"StandardInputData": inputData(func(v string) ([]byte, error) {
		return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v), ""))
	}),
	"StandardOutput":   output(func(b *builder) *string { return &process(b).Output }),
	"StandardError":    output(func(b *builder) *string { return &process(b).Error }),
	"TTYPath":          text(func(b *builder) *string { return &process(b).TTY.Path }),
	"TTYReset":         truth(func(b *builder) *bool { return &process(b).TTY.Reset }),
	"TTYVHangup":       truth(func(b *builder) *bool { return &process(b).TTY.Hangup }),
	"TTYVTDisallocate": truth(func(b *builder) *bool { return &process(b).TTY.Disallocate }),
	"TTYRows":          number(func(b *builder) *int { return &process(b).TTY.Rows }, 0, 1<<15),
	"TTYColumns":       number(func(b *builder) *int { return &process(b).TTY.Columns }, 0, 1<<15),

	"SyslogIdentifier": text(func(b *builder) *string { return &process(b).Log.Identifier }),
	"SyslogFacility":   facility,
	"SyslogLevel":      level(func(b *builder) **int { return &process(b).Log.Level }),
	"LogLevelMax":      level(func(b *builder) **int { return &process(b).Log.LevelMax }),
	"SyslogLevelPrefix": func(b *builder, d unit.Directive) error {
		prefix, err := unit.Bool(d.Value)
		process(b).Log.NoPrefix = !prefix
		return err
	},
	"LogRateLimitIntervalSec": func(b *builder, d unit.Directive) error {
		t, err := unit.Duration(d.Value)
		process(b).Log.RateInterval = &t
		return err
	},
	"LogRateLimitBurst": func(b *builder, d unit.Directive) error {
		n := 0
		process(b).Log.RateBurst = &n
		return number(func(*builder) *int { return &n }, 0, 1<<30)(b, d)
	},
	"LogExtraFields": extraFields,
}

func process(b *builder) *plan.Process { return &b.s.Process }

// unescaped decodes C-style escapes of a text as far as they make sense.
func unescaped(v string) string {
	if words, err := unit.Words(`"` + strings.ReplaceAll(v, `"`, `\"`) + `"`); err == nil && len(words) == 1 {
		return words[0]
	}
	return v
}

func inputData(decode func(string) ([]byte, error)) setter {
	return func(b *builder, d unit.Directive) error {
		p := &b.s.Process
		if d.Value == "" {
			p.InputData = nil
			return nil
		}
		data, err := decode(d.Value)
		p.InputData = append(p.InputData, data...)
		if len(p.InputData) > 1<<20 {
			return fmt.Errorf("more than 1 MiB of input")
		}
		return err
	}
}

// input accepts the forms of StandardInput=.
func input(b *builder, d unit.Directive) error {
	kind, arg, has := strings.Cut(d.Value, ":")
	switch {
	case kind == "file" && has && !path.IsAbs(arg):
		return fmt.Errorf("%q is not an absolute path", arg)
	case kind == "file" && has, kind == "fd":
	default:
		if err := oneOf(d.Value, "null", "tty", "tty-force", "tty-fail", "data", "socket", "fd", "fd:NAME", "file:PATH"); err != nil {
			return err
		}
	}
	b.s.Process.Input = d.Value
	return nil
}

// output accepts the forms of StandardOutput= and StandardError=.
func output(field func(*builder) *string) setter {
	return func(b *builder, d unit.Directive) error {
		v := strings.Replace(d.Value, "syslog", "journal", 1)
		kind, arg, has := strings.Cut(v, ":")
		switch {
		case has && slices.Contains([]string{"file", "append", "truncate"}, kind):
			if !path.IsAbs(arg) {
				return fmt.Errorf("%q is not an absolute path", arg)
			}
		case kind == "fd":
		default:
			if err := oneOf(v, "inherit", "null", "journal", "kmsg", "tty", "socket", "journal+console", "kmsg+console",
				"fd", "fd:NAME", "file:PATH", "append:PATH", "truncate:PATH"); err != nil {
				return err
			}
		}
		*field(b) = v
		return nil
	}
}

// priorities are syslog's, by number.
var priorities = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

func level(field func(*builder) **int) setter {
	return func(b *builder, d unit.Directive) error {
		n := slices.Index(priorities, d.Value)
		if i, err := strconv.Atoi(d.Value); err == nil && i >= 0 && i < len(priorities) {
			n = i
		}
		if n < 0 {
			return fmt.Errorf("no level %q (%s or 0 to 7)", d.Value, strings.Join(priorities, ", "))
		}
		*field(b) = &n
		return nil
	}
}

// facilities are syslog's, by number.
var facilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp")

// facility becomes a field of the unit's records, as the journal has it.
func facility(b *builder, d unit.Directive) error {
	n := slices.Index(facilities, d.Value)
	if i, ok := strings.CutPrefix(d.Value, "local"); ok {
		if v, err := strconv.Atoi(i); err == nil && v >= 0 && v < 8 {
			n = 16 + v
		}
	}
	if n < 0 {
		return fmt.Errorf("no facility %q (%s, local0 to local7)", d.Value, strings.Join(facilities, ", "))
	}
	l := &b.s.Process.Log
	l.Fields = slices.DeleteFunc(l.Fields, func(f string) bool { return strings.HasPrefix(f, "SYSLOG_FACILITY=") })
	l.Fields = append(l.Fields, "SYSLOG_FACILITY="+strconv.Itoa(n))
	return nil
}

func extraFields(b *builder, d unit.Directive) error {
	l := &b.s.Process.Log
	if d.Value == "" {
		l.Fields = nil
	}
	words, err := unit.Words(d.Value)
	for _, w := range words {
		name, _, ok := strings.Cut(w, "=")
		if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || name[0] == '_' {
			return fmt.Errorf("%q is no FIELD=value with a name in capitals", w)
		}
		l.Fields = append(l.Fields, w)
	}
	return err
}

// oneOf says what a value may be when it is none of that.
func oneOf(value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return fmt.Errorf("no value %q (%s)", value, strings.Join(values, ", "))
}
