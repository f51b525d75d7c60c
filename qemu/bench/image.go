package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/qemu/bench/workload"
	"clarityos/services/compile"
	"clarityos/services/plan"
)

const (
	kernelSpec = "debian:trixie-cloud"
	arch       = "amd64"
	memory     = 1024 // MiB

	// Without notests the kernel tests its ciphers beside the first services,
	// for half a second of CPU time.
	commandLine = "console=ttyS0 panic=-1 quiet cryptomgr.notests"
)

// bench is all that the boots share.
type bench struct {
	runs    int
	cpus    int
	limit   time.Duration
	append  string // to the kernel's command line
	echo    io.Writer
	dir     string
	images  []image
	release string // the kernel's
}

// image is a bootable image of a shape.
type image struct {
	shape workload.Shape
	*images.Image
}

// programs are what an image consists of, by package.
var programs = map[string]string{
	"clarityos/init":            "/usr/lib/clarity/init",
	"clarityos/cmd/clarityctl":  "/usr/bin/clarityctl",
	"clarityos/qemu/bench/load": workload.Load,
}

func (b *bench) buildImages(ctx context.Context) error {
	kernel, err := images.FetchKernel(ctx, kernelSpec, arch, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	b.release = kernel.Release
	for pkg, path := range programs {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags="+images.OwnFlags,
			"-o", filepath.Join(b.dir, filepath.Base(path)), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOFLAGS=")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", pkg, err, out)
		}
	}
	for _, shape := range workload.Shapes() {
		tree, err := b.tree(shape)
		if err != nil {
			return fmt.Errorf("image of %s: %w", shape.Name, err)
		}
		var archive bytes.Buffer
		if err := tree.WriteNewc(&archive, 0); err != nil {
			return err
		}
		file := filepath.Join(b.dir, shape.Name+".cpio")
		if err := os.WriteFile(file, archive.Bytes(), 0o644); err != nil {
			return err
		}
		b.images = append(b.images, image{shape, &images.Image{
			Name: shape.Name, Arch: arch, Kernel: kernel.Image, Initramfs: file, KernelRelease: kernel.Release,
			Cmdline: strings.TrimSpace(commandLine + " " + b.append), Console: "ttyS0", Memory: memory, CPUs: b.cpus,
		}})
	}
	return nil
}

// tree is a shape's root: the programs, the units and their plan.
func (b *bench) tree(shape workload.Shape) (*images.Tree, error) {
	t := images.NewTree()
	for pkg, path := range programs {
		e := images.Entry{Mode: 0o755, Source: filepath.Join(b.dir, filepath.Base(path)), Part: pkg, Rank: images.RankOwn}
		if err := t.Put(path, e); err != nil {
			return nil, err
		}
	}
	if err := t.Symlink("bench", images.RankOwn, "/init", "usr/lib/clarity/init"); err != nil {
		return nil, err
	}
	var names []string
	for name, text := range units(shape) {
		if err := t.File("bench", images.RankOwn, "/usr/lib/systemd/system/"+name, 0o644, []byte(text)); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	p, err := compile.Root(t.FS(), compile.Options{Enable: names})
	if err != nil {
		return nil, err
	}
	for _, f := range p.Findings {
		return nil, fmt.Errorf("a unit of ours is not all enforced: %s", f)
	}
	file, err := plan.Encode(p)
	if err != nil {
		return nil, err
	}
	return t, t.File("bench", images.RankOwn, plan.Path, 0o644, file)
}

// units are a shape's unit files by name. Restarts are as fast as they can be
// asked for, since kill to exec is PID 1's time and not a delay's.
func units(shape workload.Shape) map[string]string {
	units := map[string]string{"probe.service": fmt.Sprintf(`[Service]
Type=notify
Environment=%s
ExecStart=%s probe %s /usr/bin/clarityctl poweroff
StandardOutput=null
`, workload.Environment, workload.Load, shape.Name)}
	services := shape.Services()
	for i, name := range services {
		needs := ""
		if shape.Chain && i+1 < len(services) {
			needs = services[i+1] + ".service"
		}
		after := strings.TrimSpace("probe.service " + needs)
		units[name+".service"] = fmt.Sprintf(`[Unit]
After=%s
Requires=%s
StartLimitIntervalSec=0
[Service]
Type=notify
Environment=%s
ExecStart=%s serve %s %s
Restart=always
RestartSec=0
StandardOutput=null
`, after, needs, workload.Environment, workload.Load, name, shape.Work)
	}
	return units
}
