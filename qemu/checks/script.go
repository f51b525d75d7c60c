package checks

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Help describes the language to whoever writes a script.
const Help = `A script is a list of checks. Each is a name and steps, run in order; a check
fails with its first step that fails, and the next check begins. A line that ends
in a backslash goes on in the next one; # begins a comment line.

  check NAME            begin a check
  limit DURATION        time limit of each of its steps (default 1m)
  guest COMMAND         run COMMAND in the guest by its /bin/sh, as root
  host COMMAND          run COMMAND here by /bin/sh; PORT_80 holds the port of
                        127.0.0.1 that reaches the guest's port 80, if the image
                        forwards it
  reboot                reboot the guest in good order, wait until it is up
  power-cut             cut the power, switch on, wait until it is up
  kill UNIT             kill -9 every process of a unit
  console REGEXP        wait for a console line of this boot that matches

What is expected of the guest or host step before it:

  exit N                its exit code (default 0)
  stdout REGEXP         matches what it wrote; ^ and $ stand for line ends
  stderr REGEXP
  not-stdout REGEXP     does not match
  within DURATION       run it again until all of that holds, for so long

Before the first check may stand:

  boot degraded         a boot with failed units is no failure (default: clean)

Example:

  check redis keeps what it was told
    guest redis-cli set colour blue
    stdout ^OK$
    power-cut
    guest redis-cli get colour
    stdout ^blue$
    within 10s

  check the page is served
    host curl -fsS http://127.0.0.1:$PORT_80/
    stdout Welcome
`

// Script is what a file says.
type Script struct {
	Degraded bool // a boot with failed units is no failure
	Checks   []Check
}

// Check is a name and its steps.
type Check struct {
	Name  string
	Line  int // in the file, from 1
	Limit time.Duration
	Steps []Step
}

// Step is one thing that is done, and what is expected of it.
type Step struct {
	Verb string // guest, host, reboot, power-cut, kill or console
	Arg  string // the command, the unit or the expression
	Line int

	Exit      int
	Stdout    []*regexp.Regexp
	Stderr    []*regexp.Regexp
	NotStdout []*regexp.Regexp
	Within    time.Duration // 0: once
	Console   *regexp.Regexp
}

// String shows the step as it stands in the script.
func (s Step) String() string { return strings.TrimSpace(s.Verb + " " + s.Arg) }

const defaultLimit = time.Minute

// ScriptError is all that is wrong with a script.
type ScriptError struct {
	Name     string // of the file
	Problems []Problem
}

// Problem is one line that is not understood.
type Problem struct {
	Line int
	Text string
}

func (e *ScriptError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", e.Name, p.Line, p.Text))
	}
	return strings.Join(lines, "\n")
}

// Parse reads a script. The error is a *ScriptError.
func Parse(name, text string) (*Script, error) {
	p := parser{script: &Script{}}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at := i + 1
		line := strings.TrimRight(lines[i], "\r")
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + " " + strings.TrimSpace(lines[i])
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		verb, arg := line, ""
		if n := strings.IndexFunc(line, unicode.IsSpace); n >= 0 {
			verb, arg = line[:n], strings.TrimSpace(line[n:])
		}
		if err := p.line(at, verb, arg); err != nil {
			p.problems = append(p.problems, Problem{at, err.Error()})
		}
	}
	for _, c := range p.script.Checks {
		if len(c.Steps) == 0 {
			p.problems = append(p.problems, Problem{c.Line, fmt.Sprintf("check %q has no steps", c.Name)})
		}
	}
	if len(p.script.Checks) == 0 && len(p.problems) == 0 {
		p.problems = append(p.problems, Problem{len(lines), "the script has no check"})
	}
	if len(p.problems) > 0 {
		return nil, &ScriptError{name, p.problems}
	}
	return p.script, nil
}

type parser struct {
	script   *Script
	problems []Problem
}

// line folds one line into the script.
func (p *parser) line(at int, verb, arg string) error {
	var check *Check
	if n := len(p.script.Checks); n > 0 {
		check = &p.script.Checks[n-1]
	}
	switch verb {
	case "check":
		if arg == "" {
			return errors.New("a check needs a name")
		}
		for _, c := range p.script.Checks {
			if c.Name == arg {
				return fmt.Errorf("check %q is already in line %d", arg, c.Line)
			}
		}
		p.script.Checks = append(p.script.Checks, Check{Name: arg, Line: at, Limit: defaultLimit})
		return nil
	case "boot":
		switch {
		case check != nil:
			return errors.New("boot stands before the first check")
		case arg != "degraded" && arg != "clean":
			return fmt.Errorf("boot %s: it is clean or degraded", arg)
		}
		p.script.Degraded = arg == "degraded"
		return nil
	case "guest", "host", "kill", "console", "reboot", "power-cut", "limit",
		"exit", "stdout", "stderr", "not-stdout", "within":
		if check == nil {
			return fmt.Errorf("%s stands in no check; begin with: check NAME", verb)
		}
	default:
		return fmt.Errorf("%q is not known; steps are guest, host, reboot, power-cut, kill and console", verb)
	}
	if verb == "limit" {
		return duration(arg, &check.Limit)
	}
	bare := verb == "reboot" || verb == "power-cut"
	if bare != (arg == "") {
		if bare {
			return fmt.Errorf("%s takes no argument", verb)
		}
		return fmt.Errorf("%s needs an argument", verb)
	}
	switch verb {
	case "exit", "stdout", "stderr", "not-stdout", "within":
		return check.expect(verb, arg)
	}
	step := Step{Verb: verb, Arg: arg, Line: at}
	switch verb {
	case "console":
		re, err := regexp.Compile(arg)
		if err != nil {
			return err
		}
		step.Console = re
	case "kill":
		if strings.ContainsAny(arg, "/' \t") || strings.HasPrefix(arg, ".") || !strings.Contains(arg, ".") {
			return fmt.Errorf("kill %s: it takes a unit's full name, such as redis-server.service", arg)
		}
	}
	check.Steps = append(check.Steps, step)
	return nil
}

// expect adds an expectation to the last step.
func (c *Check) expect(verb, arg string) error {
	if len(c.Steps) == 0 || c.Steps[len(c.Steps)-1].Verb != "guest" && c.Steps[len(c.Steps)-1].Verb != "host" {
		return fmt.Errorf("%s stands after a guest or host step", verb)
	}
	s := &c.Steps[len(c.Steps)-1]
	switch verb {
	case "exit":
		n, err := strconv.Atoi(arg)
		if err != nil || n < 0 || n > 255 {
			return fmt.Errorf("exit %s: it is a number from 0 to 255", arg)
		}
		s.Exit = n
		return nil
	case "within":
		return duration(arg, &s.Within)
	}
	re, err := regexp.Compile("(?m)" + arg)
	if err != nil {
		return err
	}
	list := map[string]*[]*regexp.Regexp{"stdout": &s.Stdout, "stderr": &s.Stderr, "not-stdout": &s.NotStdout}[verb]
	*list = append(*list, re)
	return nil
}

func duration(arg string, d *time.Duration) error {
	v, err := time.ParseDuration(arg)
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is not a duration such as 500ms, 30s or 2m", arg)
	}
	*d = v
	return nil
}
