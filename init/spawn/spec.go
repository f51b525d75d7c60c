package spawn

import (
	"os"
	"slices"
	"strings"

	"clarityos/services/plan"
)

// StubName is argv[0] of the stub.
const StubName = "clarity-exec"

// The stub inherits, after 0, 1 and 2, the service's own descriptors, whose
// number is its second argument, then a sealed memfd with the Spec as JSON, then
// the pipe for its report, which ends when the program runs.
const firstExtra = 3

// Spec is everything about one process to be.
type Spec struct {
	Command plan.Command
	Probe   *plan.Probe `json:",omitempty"` // instead of Command: the stub is the probe
	Process plan.Process
	Env     []string // complete but for EnvFiles; later ones win

	Sockets  []string `json:",omitempty"` // names of the descriptors in Files.Extra, which the program is told of
	NotifyFD int      `json:",omitempty"` // where the last of Files.Extra has to be; 0: nowhere
}

// Path is what programs find commands in.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/clarity/bbin"

// needsStub says whether a plain fork is not enough: something has to be done
// in the child, or could block.
func (s *Spec) needsStub() bool {
	p := &s.Process
	if s.Probe != nil || len(s.Sockets) > 0 || s.NotifyFD != 0 || late(s.Command.Argv) || late(p.Environment) {
		return true
	}
	if s.Command.Substitute || !strings.HasPrefix(s.Command.Path, "/") || !onRoot(s.Command.Path) {
		return true
	}
	if p.Directory != "" && p.Directory != "/" || p.Umask >= 0 && p.Umask != 0o022 {
		return true
	}
	for _, d := range p.Directories {
		if d.Kind != "runtime" {
			return true
		}
	}
	return len(p.EnvFiles) > 0 || len(p.UnsetEnv) > 0 || p.Nice != nil || p.IOPriority != nil || p.CPUPolicy != nil ||
		len(p.CPUAffinity) > 0 || p.TimerSlack != 0 || p.OOMScoreAdjust != nil || p.CoredumpFilter != nil ||
		p.IgnoreSIGPIPE || p.NoNewPrivs || len(p.Ambient) > 0 || len(p.Limits) > 0 || s.Command.KeepUser ||
		opened(p.Input) || opened(p.Output) || opened(p.Error)
}

// opened says whether a form of StandardInput= or its kin is the stub's to open.
func opened(form string) bool {
	kind, _, named := strings.Cut(form, ":")
	return named || kind == "data" || kind == "socket" || kind == "fd" || strings.HasPrefix(kind, "tty")
}

// onRoot says whether a path lies on the root file system, where looking at it
// cannot hang.
func onRoot(path string) bool {
	for _, dir := range []string{"/usr/", "/bin/", "/sbin/", "/lib/", "/init"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

// environment is what every process of a unit starts from.
func environment(p *plan.Process, extra []string) []string {
	env := []string{"PATH=" + Path, "LANG=C.UTF-8"}
	if p.User != "" {
		env = append(env, "USER="+p.User, "LOGNAME="+p.User, "HOME="+p.Home, "SHELL="+p.Shell)
	}
	for _, name := range p.PassEnv {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return dedupe(append(append(env, extra...), p.Environment...))
}

// without takes variables away: by name, or only if they have a value.
func without(env, unset []string) []string {
	return slices.DeleteFunc(env, func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains(unset, name) || slices.Contains(unset, e)
	})
}

// dedupe keeps the last value of every variable.
func dedupe(env []string) []string {
	at := map[string]int{}
	out := env[:0:0]
	for _, e := range env {
		k, _, _ := strings.Cut(e, "=")
		if i, ok := at[k]; ok {
			out[i] = e
			continue
		}
		at[k] = len(out)
		out = append(out, e)
	}
	return out
}

// IsStub says whether this process was executed as the stub.
func IsStub() bool { return len(os.Args) > 0 && os.Args[0] == StubName }
