package images

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/u-root/gobusybox/src/pkg/bb"
	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/uio/ulog"
)

// applets are the u-root core commands in the busybox. Each needs a tool line
// in go.mod. Those that would act as PID 1 or take the machine down past it
// are left out.
const applets = "base64 basename blkid cat chmod chroot cmp comm cp cpio date dd df dirname dmesg du echo false find " +
	"free gosh grep gzip head hexdump hostname hwclock id insmod ip kill ln losetup ls lsmod md5sum mkdir mkfifo mknod " +
	"mktemp more mount mv netcat netstat nohup pidof ping printenv ps pwd readlink realpath rm rmmod seq shasum sleep " +
	"sort strings stty sync tail tar tee time timeout touch tr true truncate tty umount uname uniq unshare uptime wc " +
	"wget which xargs yes"

const appletPackage = "github.com/u-root/u-root/cmds/core/"

// shellPackage is the applet sh, which u-root lacks.
const shellPackage = "./images/sh"

// loginShell registers the shell under the name that a login gives it: a
// busybox knows itself only by argv[0], and a login shell's begins with a dash.
const loginShell = `package main

import "bb.u-root.com/bb/pkg/bbmain"

func init() { bbmain.Register("-sh", func() {}, func() { bbmain.Run("sh") }) }
`

const bbin = "usr/lib/clarity/bbin/"

// addBusybox adds the busybox, built or from the cache, with a link for each
// command, and one in /usr/bin for those that nothing else in the tree brings.
func addBusybox(ctx context.Context, t *Tree, c Cache, source, arch string, progress Progress) error {
	dir, err := busybox(ctx, c, source, arch, progress)
	if err != nil {
		return err
	}
	e := Entry{Mode: 0o755, Source: filepath.Join(dir, "bb"), Part: "busybox", Rank: RankOwn}
	if err := t.Put(bbin+"bb", e); err != nil {
		return err
	}
	link := func(p, target string) error { return t.Symlink("busybox", RankOwn, p, target) }
	for name := range strings.FieldsSeq(applets) {
		if err := link(bbin+name, "bb"); err != nil {
			return err
		}
		if t.Get("usr/bin/"+name) == nil && t.Get("usr/sbin/"+name) == nil {
			if err := link("usr/bin/"+name, "../lib/clarity/bbin/"+name); err != nil {
				return err
			}
		}
	}
	if err := link(bbin+"sh", "bb"); err != nil {
		return err
	}
	return t.addShell()
}

// addShell makes /bin/sh a package's shell if there is one, else the busybox's.
func (t *Tree) addShell() error {
	if t.Follow("usr/bin/sh") != nil {
		return nil
	}
	target := "../lib/clarity/bbin/sh"
	for _, shell := range []string{"dash", "bash"} {
		if t.Get("usr/bin/"+shell) != nil {
			target = shell
			break
		}
	}
	return t.Symlink("busybox", RankOwn, "usr/bin/sh", target)
}

// busybox returns a folder with the program bb. It depends on the Go version,
// the versions of all modules, the list of applets and our shell, which make its
// name in the cache.
func busybox(ctx context.Context, c Cache, source, arch string, progress Progress) (string, error) {
	version, err := goRun(ctx, source, nil, "env", "GOVERSION")
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("build the busybox: %w", err)
	}
	shell, err := os.ReadFile(filepath.Join(source, filepath.FromSlash(shellPackage), "main.go"))
	if err != nil {
		return "", fmt.Errorf("build the busybox: %w", err)
	}
	id := sha256.Sum256([]byte(version + arch + applets + loginShell + string(shell) + string(sums)))
	return c.folder(ctx, fmt.Sprintf("busybox/%x", id[:16]), func(dir string) error {
		progress.say("building the busybox for %s (kept for the next build)", arch)
		if err := buildBusybox(ctx, source, arch, filepath.Join(dir, "bb")); err != nil {
			return fmt.Errorf("build the busybox: %w", err)
		}
		return nil
	})
}

func buildBusybox(ctx context.Context, source, arch, out string) error {
	// Only the path of the folder reaches the generator, and -trimpath takes
	// it out of the program.
	tmp, err := os.MkdirTemp("", "clarity-busybox-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	root, err := goRun(ctx, source, nil, "env", "GOROOT")
	if err != nil {
		return err
	}
	env := golang.Default(golang.DisableCGO(), golang.WithGOOS("linux"), golang.WithGOARCH(arch),
		golang.WithWorkingDir(source), golang.WithGOROOT(strings.TrimSpace(root)))
	commands := []string{filepath.Join(source, filepath.FromSlash(shellPackage))}
	for name := range strings.FieldsSeq(applets) {
		commands = append(commands, appletPackage+name)
	}
	err = bb.BuildBusybox(ulog.Null, &bb.Opts{Env: env, GenSrcDir: tmp, CommandPaths: commands, GenerateOnly: true})
	if err != nil {
		return err
	}
	main := filepath.Join(tmp, "src", filepath.FromSlash(path.Join("bb.u-root.com", "bb")))
	if err := os.WriteFile(filepath.Join(main, "login.go"), []byte(loginShell), 0o644); err != nil {
		return err
	}
	gopath := append(goEnv(arch), "GO111MODULE=off", "GOPATH="+tmp)
	_, err = goRun(ctx, main, gopath, "build", "-trimpath", "-buildvcs=false", "-gcflags=all=-l",
		"-ldflags=-s -w -buildid=", "-o", out, ".")
	return err
}
