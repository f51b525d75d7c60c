package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/u-root/u-root/pkg/cpio"

	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// withoutSlots gives the arguments by which QEMU boots the kernel of a disk's slot A with
// ./plain in the place of stage 1; files for that go to dir.
func withoutSlots(ctx context.Context, disk, dir string) (args []string, err error) {
	program := filepath.Join(dir, "plain")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./images/disktest/bench/plain")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build ./images/disktest/bench/plain: %v: %s", err, out)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var init bytes.Buffer
	w := cpio.Newc.Writer(&init)
	if err := cpio.WriteRecordsAndDirs(w, []cpio.Record{cpio.StaticFile("init", string(b), 0o755)}); err != nil {
		return nil, err
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return nil, err
	}
	files, err := filesOf(disk, loader.Paths(slots.A))
	if err != nil {
		return nil, err
	}
	kernel, initrd := filepath.Join(dir, "kernel"), filepath.Join(dir, "initrd")
	if err := os.WriteFile(kernel, files[1], 0o600); err != nil {
		return nil, err
	}
	padded := append(files[2], make([]byte, (4-len(files[2])%4)%4)...)
	if err := os.WriteFile(initrd, append(padded, init.Bytes()...), 0o600); err != nil { // what comes later replaces what was before
		return nil, err
	}
	_, options, _ := strings.Cut(string(files[0]), "\noptions")
	options, _, _ = strings.Cut(options, "\n")
	return []string{"-kernel", kernel, "-initrd", initrd, "-append", strings.TrimSpace(options)}, nil
}

// filesOf reads files of the loader's partition on a disk.
func filesOf(disk string, paths [3]string) (files [3][]byte, err error) {
	const sector = 512
	f, err := os.Open(disk)
	if err != nil {
		return files, err
	}
	defer f.Close()
	storage := file.New(f, true)
	table, err := gpt.Read(storage, sector, sector)
	if err != nil {
		return files, err
	}
	for _, p := range table.Partitions {
		if p.Name != bootdisk.ESP {
			continue
		}
		esp, err := fat32.Read(storage, int64(p.Size), int64(p.Start)*sector, sector)
		if err != nil {
			return files, err
		}
		for i, path := range paths {
			if files[i], err = esp.ReadFile(path); err != nil {
				return files, fmt.Errorf("%s of %s: %w", path, disk, err)
			}
		}
		return files, nil
	}
	return files, fmt.Errorf("%s has no partition %s", disk, bootdisk.ESP)
}
