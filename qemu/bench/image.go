package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"clarityos/images"
	"clarityos/qemu/bench/adapter"
)

const (
	arch        = "amd64"
	suite       = "trixie" // of the packages, and of the kernel
	kernelSpec  = "debian:" + suite + "-cloud"
	memory      = 1024                                                        // MiB
	commandLine = "console=ttyS0 quiet panic=-1 transparent_hugepage=madvise" // as our images have it
)

// image is a cell with what boots it.
type image struct {
	cell
	*images.Image
	sizes adapter.Sizes
}

// imageOf builds the cell's image. All of it is the initramfs, and there is no
// second stage.
func (b *bench) imageOf(c cell, kernel images.Kernel, packages *images.Tree, programs map[string]string) (image, error) {
	root := adapter.NewRoot(c.init, adapter.From(packages), programs)
	c.init.Build(root, adapter.NewJob(c.init, c.workload, c.variant, b.kills, b.orphans))
	tree, sizes, err := root.Finish()
	if err != nil {
		return image{}, fmt.Errorf("image of %s: %w", c, err)
	}
	file := filepath.Join(b.work, strings.ReplaceAll(c.String(), " ", "-")+".cpio.gz")
	if sizes.ImageBytes, err = writeArchive(file, tree); err != nil {
		return image{}, fmt.Errorf("image of %s: %w", c, err)
	}
	pid1, err := tree.Follow("/init").Bytes()
	if err != nil {
		return image{}, fmt.Errorf("image of %s: %w", c, err)
	}
	if sizes.PID1Bytes, err = compressedSize(pid1); err != nil {
		return image{}, fmt.Errorf("image of %s: %w", c, err)
	}
	return image{c, &images.Image{
		Name: c.String(), Arch: arch, Kernel: kernel.Image, Initramfs: file, KernelRelease: kernel.Release,
		Cmdline: strings.Join(strings.Fields(commandLine+" "+c.init.CommandLine+" "+b.append), " "),
		Console: "ttyS0", Memory: memory, CPUs: b.cpus,
	}, sizes}, nil
}

func writeArchive(file string, tree *images.Tree) (size int, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	if err := tree.WriteNewc(z, 0); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return int(info.Size()), f.Close()
}

// compressedSize is the size that gzip -9 brings the bytes to.
func compressedSize(plain []byte) (int, error) {
	var n counter
	z, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := z.Write(plain); err != nil {
		return 0, err
	}
	err = z.Close()
	return int(n), err
}

type counter int

func (n *counter) Write(p []byte) (int, error) {
	*n += counter(len(p))
	return len(p), nil
}

// fetchPackages gets the packages that an init is taken from, and the busybox.
func fetchPackages(ctx context.Context, i adapter.Init) (*images.Tree, map[string]string, error) {
	tree, versions, err := images.Unpack(ctx, suite, arch, append([]string{"busybox-static"}, i.Packages...), progress)
	if err != nil {
		return nil, nil, fmt.Errorf("packages of %s: %w", i.Name, err)
	}
	return tree, versions, nil
}

func progress(line string) { fmt.Fprintln(os.Stderr, line) }
