package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"clarityos/images"
	"clarityos/qemu/bench/workload"
)

// build makes the image of a variant of a workload in dir.
func build(ctx context.Context, dir, svc string, v variant, w workload.Workload) (*images.Image, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "clarity.toml")
	if err := os.WriteFile(file, []byte(definition(svc, v, w)), 0o644); err != nil {
		return nil, err
	}
	img, _, err := images.Build(ctx, file, images.Options{Out: dir, Fast: true})
	return img, err
}

// definition writes the image's definition.
func definition(svc string, v variant, w workload.Workload) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name = \"start\"\npackages = [\"dash\"]\nmemory = 1024\nlearn = %v\n\n[data]\nsize = \"64M\"\n", v.trained)
	fmt.Fprintf(&b, "\n[[file]]\npath = \"/usr/bin/svc\"\nsource = %q\nmode = \"0755\"\n", svc)
	for _, s := range w.Services {
		fmt.Fprintf(&b, "\n[[unit]]\nname = %q\nenable = true\ncontent = \"\"\"\n%s\"\"\"\n", s.Name+".service", unit(v, s))
	}
	return b.String()
}

// unit writes a service's unit.
func unit(v variant, s workload.Service) string {
	var needs []string
	for _, n := range s.Needs {
		needs = append(needs, n+".service")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[Unit]\nStartLimitIntervalSec=0\n")
	if v.declared && len(needs) > 0 {
		fmt.Fprintf(&b, "Wants=%s\nAfter=%[1]s\n", strings.Join(needs, " "))
	}
	fmt.Fprintf(&b, "[Service]\nExecStart=/usr/bin/svc %s %d %d %s\n", s.Name, s.Work.Milliseconds(), v.retry.Milliseconds(), strings.Join(s.Needs, " "))
	if v.declared {
		fmt.Fprintf(&b, "Type=notify\n")
	}
	if v.retry == 0 {
		fmt.Fprintf(&b, "Restart=always\nRestartSec=%v\n", 100*time.Millisecond)
	}
	return b.String()
}
