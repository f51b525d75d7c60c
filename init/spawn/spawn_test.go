package spawn

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

func TestMain(m *testing.M) {
	if IsStub() {
		os.Exit(Stub())
	}
	os.Exit(m.Run())
}

func TestSubstitute(t *testing.T) {
	env := []string{"A=1 2", "B=x", "EMPTY="}
	for _, c := range []struct{ in, want []string }{
		{[]string{"p", "$A", "${A}", "a${B}c", "$EMPTY", "${EMPTY}", "$$B", "$B.x"}, []string{"p", "1", "2", "1 2", "axc", "", "$B", "$B.x"}},
		{[]string{"p", "${NO}", "$NO", "${", "$"}, []string{"p", "", "${", "$"}},
	} {
		if d := cmp.Diff(c.want, Substitute(c.in, env)); d != "" {
			t.Error(d)
		}
	}
}

func TestParseEnv(t *testing.T) {
	got, err := ParseEnv("# c\nA=1\nB='x y' \nC=\"a\\\"b\"\nexport D=4\nE=a\\\n b\n")
	if want := []string{"A=1", "B=x y", `C=a"b`, "D=4", "E=ab"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := ParseEnv("A=1\nnonsense\n"); err == nil || !strings.HasPrefix(err.Error(), "2: ") {
		t.Errorf("error %v", err)
	}
}

func TestEarlyExit(t *testing.T) {
	tab := NewTable()
	if _, ok := tab.Ended(7, Status{}); ok {
		t.Error("a stranger is known")
	}
	tab.begin()
	tab.Ended(8, Status{Code: 3})
	if st, ended := tab.Forked(8, 1); !ended || st.Code != 3 {
		t.Errorf("the early end is lost: %v %v", st, ended)
	}
	tab.begin()
	if _, ended := tab.Forked(7, 2); ended {
		t.Error("the end of a stranger was kept for a later fork")
	}
	if tok, ok := tab.Ended(7, Status{}); !ok || tok != 2 {
		t.Errorf("token %d %v", tok, ok)
	}
}

// run forks a command and gives what it wrote and how it ended.
func run(t *testing.T, spec Spec) (output string, st unix.WaitStatus, step string) {
	t.Helper()
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	c, err := Fork(NewTable(), &spec, Files{In: -1, Out: pipe[1], Err: pipe[1], CgroupFD: -1}, null)
	unix.Close(pipe[1])
	if err != nil {
		return "", 0, err.(*Error).Step
	}
	out := make([]byte, 65536)
	n := 0
	for {
		m, err := unix.Read(pipe[0], out[n:])
		if m <= 0 || err != nil {
			break
		}
		n += m
	}
	unix.Close(pipe[0])
	if _, err := unix.Wait4(c.PID, &st, 0, nil); err != nil {
		t.Fatal(err)
	}
	if c.Report >= 0 {
		_, step, _ = ReadReport(c.Report)
		unix.Close(c.Report)
	}
	return string(out[:n]), st, step
}

func shell(script string) plan.Command {
	return plan.Command{Path: "/bin/sh", Argv: []string{"sh", "-c", script}}
}

func TestForkAndStubAgree(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("changing users needs root")
	}
	process := plan.Process{UID: 65534, GID: 65534, Umask: -1, User: "nobody", Home: "/nonexistent", Shell: "/bin/false", Environment: []string{"X=1"}}
	script := "id -u; id -g; echo $X $HOME; pwd; ls /proc/self/fd | wc -l; exit 3"
	fast, st1, _ := run(t, Spec{Command: shell(script), Process: process})
	process.Directory = "/"
	process.Nice = new(int)
	slow, st2, step := run(t, Spec{Command: shell(script), Process: process})
	if fast != slow || st1 != st2 || step != "" {
		t.Errorf("by fork alone: %v\n%s\nby the stub: %v %s\n%s", st1, fast, st2, step, slow)
	}
	if !strings.HasPrefix(fast, "65534\n65534\n1 /nonexistent\n/\n") || st1.ExitStatus() != 3 {
		t.Errorf("%s", fast)
	}
}

func TestStubSteps(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/env", []byte("A='b c'\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := plan.Process{UID: -1, GID: -1, Umask: 0o077, Directory: dir, EnvFiles: []plan.EnvFile{{Path: dir + "/env"}},
		Limits: []plan.Limit{{Resource: 7, Soft: 99, Hard: 100}}, NoNewPrivs: true}
	out, _, step := run(t, Spec{Command: plan.Command{Path: "/bin/sh", Substitute: true,
		Argv: []string{"sh", "-c", "pwd; umask; ulimit -n; ulimit -Hn; grep NoNewPrivs /proc/self/status; echo \"$1\" $#", "x", "${A}", "$A"}}, Process: p})
	want := dir + "\n0077\n99\n100\nNoNewPrivs:\t1\nb c 3\n"
	if out != want || step != "" {
		t.Errorf("step %q, output\n%s\nwant\n%s", step, out, want)
	}
	for _, c := range []struct {
		change func(*Spec)
		step   string
	}{
		{func(s *Spec) { s.Process.Directory = "/does/not/exist" }, "change to its working directory"},
		{func(s *Spec) { s.Process.EnvFiles = []plan.EnvFile{{Path: "/does/not/exist"}} }, "read its environment files"},
		{func(s *Spec) { s.Command.Path = "nothing-of-that-name" }, "find its program"},
		{func(s *Spec) { s.Command.Path = "/opt/missing" }, "execute /opt/missing"},
		{func(s *Spec) { s.Command.Path = "/usr/bin/missing"; s.Process.Directory = "" }, "execute /usr/bin/missing"},
	} {
		s := Spec{Command: shell("true"), Process: plan.Process{UID: -1, GID: -1, Umask: -1, Directory: dir}}
		c.change(&s)
		if _, _, step := run(t, s); step != c.step {
			t.Errorf("step %q, want %q", step, c.step)
		}
	}
}
