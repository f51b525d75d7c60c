// Command sh is /bin/sh of images that bring no shell of their own: u-root's
// gosh for people, the same interpreter with a POSIX command line for programs,
// which call sh -ec, sh -l and scripts with arguments. It is built into the
// busybox and imported by nobody.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

func main() {
	c, err := parse(os.Args)
	if err == nil && c.interactive() {
		// A line editor and completion; os.Args[0] chooses the applet.
		err = unix.Exec("/proc/self/exe", []string{"gosh"}, os.Environ())
	}
	status := 2
	if err == nil {
		status, err = c.run(os.Stdin, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sh:", err)
	}
	os.Exit(status)
}

// call is a command line of sh(1).
type call struct {
	login   bool
	options []string // for set: -e, -u, …
	command *string  // of -c
	args    []string // the script and its arguments; with -c, $0 and the arguments
}

// parse reads a command line as POSIX has it: single-letter options, joined or
// not, -c taking the first operand.
func parse(argv []string) (call, error) {
	c := call{login: strings.HasPrefix(argv[0], "-")}
	args, command := argv[1:], false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		flags := args[0][1:]
		args = args[1:]
		if flags == "-" {
			break
		}
		for _, f := range flags {
			switch f {
			case 'c':
				command = true
			case 'l':
				c.login = true
			case 'i', 's', 'm', 'b', 'h':
			case 'e', 'u', 'x', 'f', 'n', 'a':
				c.options = append(c.options, "-"+string(f))
			default:
				return c, fmt.Errorf("unknown option -%c", f)
			}
		}
	}
	if command {
		if len(args) == 0 {
			return c, fmt.Errorf("-c wants a command")
		}
		c.command, args = &args[0], args[1:]
	}
	c.args = args
	return c, nil
}

// interactive tells whether a person is to type.
func (c call) interactive() bool {
	_, err := unix.IoctlGetTermios(0, unix.TCGETS)
	return c.command == nil && len(c.args) == 0 && err == nil
}

// run interprets the command, the script or standard input. The error is what
// kept it from running; what ran is in the exit status. Standard input is a
// file, since the interpreter drains any other reader beside the parser.
func (c call) run(stdin *os.File, stdout, stderr io.Writer) (status int, err error) {
	source, name := io.Reader(stdin), ""
	parameters := c.args
	switch {
	case c.command != nil:
		source = strings.NewReader(*c.command)
	case len(c.args) > 0:
		script, err := os.Open(c.args[0])
		if err != nil {
			return 127, err
		}
		defer script.Close()
		source, name = script, c.args[0]
	}
	if len(parameters) > 0 {
		parameters = parameters[1:]
	}
	runner, err := interp.New(interp.StdIO(stdin, stdout, stderr), interp.Params(append(append(c.options, "--"), parameters...)...))
	if err != nil {
		return 2, err
	}
	if c.login {
		if profile, err := os.ReadFile("/etc/profile"); err == nil {
			source = io.MultiReader(strings.NewReader(string(profile)+"\n"), source)
		}
	}
	prog, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(source, name)
	if err != nil {
		return 2, err
	}
	err = runner.Run(context.Background(), prog)
	if code, ok := interp.IsExitStatus(err); ok {
		return int(code), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
