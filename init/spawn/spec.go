package spawn

import (
	"os"
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
	Process plan.Process
	Env     []string // complete but for EnvFiles; later ones win
}

// Path is what programs find commands in.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/clarity/bbin"

// needsStub says whether a plain fork is not enough: something has to be done
// in the child, or could block.
func (s *Spec) needsStub() bool {
	p := &s.Process
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
	return len(p.EnvFiles) > 0 || p.Nice != nil || p.OOMScoreAdjust != nil || p.NoNewPrivs || len(p.Ambient) > 0 ||
		len(p.Limits) > 0 || strings.HasPrefix(p.Input, "tty") || toFile(p.Output) || toFile(p.Error)
}

func toFile(output string) bool { return strings.Contains(output, ":") || output == "tty" }

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
	return dedupe(append(append(env, extra...), p.Environment...))
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
