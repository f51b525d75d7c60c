package checks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/qemu/agent"
)

// againAfter is the pause between two tries of a step with `within`.
const againAfter = 200 * time.Millisecond

// hostHeld is how long a host command's output is read on after its end.
const hostHeld = 2 * time.Second

// Machine is what a check sees of the machine under test. Each call ends when
// its context does.
type Machine interface {
	Shell(ctx context.Context, script string) (agent.Result, error)
	Forwards() []images.Forward
	// Reboot and PowerCycle return when the next boot is complete.
	Reboot(ctx context.Context) error
	PowerCycle(ctx context.Context) error
	// Console waits for a line of the current boot.
	Console(ctx context.Context, line *regexp.Regexp) error
}

// Outcome is how one check ended.
type Outcome struct {
	Name   string
	Took   time.Duration
	Failed string // what went wrong, in lines; "" if it passed
	Line   int    // of the step that failed
}

// Run carries out one check.
func Run(ctx context.Context, m Machine, c Check) Outcome {
	start := time.Now()
	done := func(o Outcome) Outcome {
		o.Name, o.Took = c.Name, time.Since(start)
		return o
	}
	for _, s := range c.Steps {
		if err := step(ctx, m, c.Limit, s); err != nil {
			return done(Outcome{Failed: fmt.Sprintf("%s\n%v", s, err), Line: s.Line})
		}
	}
	return done(Outcome{})
}

func step(ctx context.Context, m Machine, limit time.Duration, s Step) error {
	ctx, cancel := context.WithTimeout(ctx, max(limit, s.Within))
	defer cancel()
	switch s.Verb {
	case "reboot":
		return m.Reboot(ctx)
	case "power-cut":
		return m.PowerCycle(ctx)
	case "console":
		return m.Console(ctx, s.Console)
	case "kill":
		return kill(ctx, m, s.Arg)
	}
	giveUp := time.Now().Add(s.Within)
	for {
		err := try(ctx, m, s)
		if err == nil || ctx.Err() != nil || time.Now().Add(againAfter).After(giveUp) {
			return err
		}
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return err
		}
	}
}

// try runs a guest or host step once and compares.
func try(ctx context.Context, m Machine, s Step) error {
	var res agent.Result
	var err error
	if s.Verb == "guest" {
		res, err = m.Shell(ctx, s.Arg)
	} else {
		res, err = onHost(ctx, s.Arg, m.Forwards())
	}
	if err != nil {
		return err
	}
	var wrong []string
	if res.Signal != "" || res.Code != s.Exit {
		how := fmt.Sprintf("exit code %d", res.Code)
		if res.Signal != "" {
			how = "ended by signal: " + res.Signal
		}
		wrong = append(wrong, fmt.Sprintf("%s, want exit code %d", how, s.Exit))
	}
	for _, re := range s.Stdout {
		if !re.Match(res.Stdout) {
			wrong = append(wrong, fmt.Sprintf("stdout does not match %s", shown(re)))
		}
	}
	for _, re := range s.Stderr {
		if !re.Match(res.Stderr) {
			wrong = append(wrong, fmt.Sprintf("stderr does not match %s", shown(re)))
		}
	}
	for _, re := range s.NotStdout {
		if re.Match(res.Stdout) {
			wrong = append(wrong, fmt.Sprintf("stdout matches %s", shown(re)))
		}
	}
	if wrong == nil {
		return nil
	}
	wrong = append(wrong, excerpt("stdout", res.Stdout)...)
	wrong = append(wrong, excerpt("stderr", res.Stderr)...)
	return errors.New(strings.Join(wrong, "\n"))
}

func shown(re *regexp.Regexp) string { return strings.TrimPrefix(re.String(), "(?m)") }

// excerpt shows the end of what a command wrote.
func excerpt(name string, text []byte) []string {
	const most = 2000
	if len(text) == 0 {
		return nil
	}
	if len(text) > most {
		text = text[len(text)-most:]
		name = "end of " + name
	}
	return []string{name + ": " + strings.TrimRight(strings.ToValidUTF8(string(text), "?"), "\n")}
}

// onHost runs a command here, in a process group that ends with ctx.
func onHost(ctx context.Context, command string, forwards []images.Forward) (agent.Result, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	for _, f := range forwards {
		cmd.Env = append(cmd.Env, fmt.Sprintf("PORT_%d=%d", f.Guest, f.Host))
	}
	cmd.Env = append(os.Environ(), cmd.Env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = hostHeld
	ownGroup(cmd)
	err := cmd.Run()
	res := agent.Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if ctx.Err() != nil {
		return res, fmt.Errorf("it has not ended: %w", ctx.Err())
	}
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) && !errors.Is(err, exec.ErrWaitDelay) {
		return res, err
	}
	if exited != nil && res.Code < 0 {
		res.Signal = exited.String()
	}
	return res, nil
}

// kill ends the processes that a unit has now. It is an error if it has none.
func kill(ctx context.Context, m Machine, unit string) error {
	res, err := m.Shell(ctx, "cd '/sys/fs/cgroup/system.slice/"+unit+"' || exit 1; pids=$(cat cgroup.procs); "+
		"[ -n \"$pids\" ] || { echo 'it has no processes' >&2; exit 1; }; kill -9 $pids")
	if err != nil {
		return err
	}
	if !res.OK() {
		return errors.New(res.String())
	}
	return nil
}
