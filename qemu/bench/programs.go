package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"clarityos/images"
)

// The services, the observer, the floor and the oracle are C, so that starting
// one costs next to nothing.
//
//go:embed c
var sources embed.FS

// buildPrograms builds static programs in dir and returns their files. A name
// is that of a C file or of a package of this module.
func buildPrograms(ctx context.Context, dir string, names []string) (map[string]string, error) {
	files := map[string]string{}
	for _, name := range names {
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".built")
		build := buildGo
		if strings.HasSuffix(name, ".c") {
			build = buildC
		}
		if err := build(ctx, dir, name, file); err != nil {
			return nil, fmt.Errorf("build %s: %w", name, err)
		}
		files[name] = file
	}
	return files, nil
}

func buildC(ctx context.Context, dir, name, file string) error {
	text, err := sources.ReadFile("c/" + name)
	if err != nil {
		return err
	}
	source := filepath.Join(dir, name)
	if err := os.WriteFile(source, text, 0o644); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "gcc", "-static", "-O2", "-s", "-Wall", "-o", file, source).CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w; install the Debian packages gcc and libc6-dev", err)
	case err != nil && strings.Contains(string(out), "cannot find -lc"):
		return fmt.Errorf("there is no static C library; install the Debian package libc6-dev: %s", out)
	case err != nil:
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// buildGo builds a package as images builds ClarityOS's own.
func buildGo(ctx context.Context, _, name, file string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags="+images.OwnFlags, "-o", file, name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// programsOf are the programs that the images of the cells need.
func programsOf(cells []cell) []string {
	names := []string{"svc.c"}
	for _, c := range cells {
		names = append(names, c.init.Programs...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
