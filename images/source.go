package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// SourceVariable names the environment variable that says where ClarityOS's
// own source is, when it is not found otherwise.
const SourceVariable = "CLARITY_SOURCE"

// findSource returns the root of ClarityOS's source: PID 1, the components
// and clarityctl are built from it for each image. It is looked for from the
// working folder, the definition and this program upwards.
func findSource(definitionDir string) (string, error) {
	if dir := os.Getenv(SourceVariable); dir != "" {
		return dir, nil
	}
	starts := []string{definitionDir}
	if wd, err := os.Getwd(); err == nil {
		starts = append([]string{wd}, starts...)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, dir := range starts {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && strings.HasPrefix(string(text), "module clarityos\n") {
				return dir, nil
			}
		}
	}
	return "", fmt.Errorf("cannot find the source of ClarityOS to build PID 1 from; run clarity inside of its repository or set %s", SourceVariable)
}

// Flags of the linker. Those of ClarityOS's own programs keep Go's heap out of
// huge pages, of which the kernel would give a process of 2 MB two or three; a
// GODEBUG setting can be baked in by no other way than this, which is the go
// command's own.
const (
	linkFlags = "-s -w -buildid="
	OwnFlags  = linkFlags + " -X=runtime.godebugDefault=disablethp=1"
)

// goBuild builds a package in dir as a static program that is the same on
// every machine with this Go version.
func goBuild(ctx context.Context, dir, pkg, arch, out, flags string) error {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=" + flags, "-o", out, pkg}
	if _, err := goRun(ctx, dir, goEnv(arch), args...); err != nil {
		return fmt.Errorf("build %s for %s: %w", pkg, arch, err)
	}
	return nil
}

func goEnv(arch string) []string {
	return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off"}
}

func goRun(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w; install Go", err)
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

// ownPrograms are the programs of ClarityOS in an image; tools are for people.
var ownPrograms = []struct {
	pkg, part, path string
	wanted          func(*Definition) bool
}{
	{"./init", "init", "usr/lib/clarity/init", always},
	{"./cmd/clarityd", "components", "usr/lib/clarity/clarityd", always},
	{"./cmd/clarity-update", "updater", "usr/lib/clarity/clarity-update", func(d *Definition) bool { return d.Update != nil }},
	{"./cmd/clarityctl", "clarityctl", "usr/bin/clarityctl", func(d *Definition) bool { return d.Tools != "none" }},
}

func always(*Definition) bool { return true }

// addOwn builds PID 1, the components and what else the definition wants of ClarityOS in work
// and adds them.
func (d *Definition) addOwn(ctx context.Context, t *Tree, source, work string, progress Progress) error {
	for _, p := range ownPrograms {
		if !p.wanted(d) {
			continue
		}
		progress.say("building %s", p.pkg)
		out := filepath.Join(work, filepath.Base(p.path))
		if err := goBuild(ctx, source, p.pkg, d.Arch, out, OwnFlags); err != nil {
			return err
		}
		if err := t.Put(p.path, Entry{Mode: 0o755, Source: out, Part: p.part, Rank: RankOwn}); err != nil {
			return err
		}
	}
	for link, target := range map[string]string{"init": "usr/lib/clarity/init", "usr/sbin/init": "../lib/clarity/init"} {
		t.Remove(link)
		if err := t.Symlink("init", RankOwn, link, target); err != nil {
			return err
		}
	}
	return nil
}

// addCommands builds the definition's Go commands in work and adds them.
func (d *Definition) addCommands(ctx context.Context, t *Tree, work string, progress Progress) error {
	for i, c := range d.Commands {
		progress.say("building %s", c.Go)
		out := filepath.Join(work, fmt.Sprintf("command%d", i))
		if err := goBuild(ctx, d.Dir, c.Go, d.Arch, out, linkFlags); err != nil {
			return err
		}
		e := Entry{Mode: 0o755, Source: out, Part: "command " + filepath.Base(c.Path), Rank: RankDefinition}
		t.note(e.Part, "definition [[command]]")
		if err := t.Put(usrMerged(c.Path), e); err != nil {
			return err
		}
	}
	return nil
}
