package adapter

import (
	"fmt"
	"io/fs"
	"os"

	"clarityos/images"
	"clarityos/qemu/bench/workload"
)

// arch is that of all images.
const arch = "amd64"

// Root is the root file system of one image while it is put together. The first
// error stops it: what follows does nothing, and Finish returns the error.
type Root struct {
	tree     *images.Tree
	take     Take
	programs map[string]string // files of this machine, by the names in Init.Programs
	base     map[string]bool   // paths that are not the init's
	err      error
}

// Take puts a file or folder of the init's packages into a tree, with what it
// needs.
type Take func(to *images.Tree, path string) error

// From takes from a tree of unpacked packages.
func From(packages *images.Tree) Take {
	return func(to *images.Tree, path string) error { return to.Take(packages, arch, path) }
}

// configuration is the part of the files that an adapter writes.
const configuration = "configuration"

// NewRoot has what is in every image: the program of the services and, as
// /bin/sh, a static busybox. The packages are those of the init and the busybox.
func NewRoot(i Init, packages Take, programs map[string]string) *Root {
	r := &Root{tree: images.NewTree(), take: packages, programs: programs, base: map[string]bool{}}
	r.put("/etc/passwd", images.Entry{Mode: 0o644, Data: []byte("root:x:0:0:root:/root:/bin/sh\n"), Part: "base", Rank: images.RankBase})
	r.put("/etc/group", images.Entry{Mode: 0o644, Data: []byte("root:x:0:\n"), Part: "base", Rank: images.RankBase})
	r.Program(workload.Program, "svc.c")
	if !i.Busybox {
		r.Package("/usr/bin/busybox")
		r.Applets("sh")
	}
	for _, p := range r.tree.Paths() {
		r.base[p] = true
	}
	return r
}

// Package takes files and folders of the init's packages with their libraries.
func (r *Root) Package(paths ...string) {
	for _, p := range paths {
		if r.err == nil {
			r.err = r.take(r.tree, p)
		}
	}
}

// Program puts a static program that was built on this machine at path.
func (r *Root) Program(path, program string) {
	source, ok := r.programs[program]
	if !ok && r.err == nil {
		r.err = fmt.Errorf("the program %s is not among those that are built", program)
	}
	r.put(path, images.Entry{Mode: 0o755, Source: source, Part: "programs", Rank: images.RankOwn})
}

// Write makes a configuration file.
func (r *Root) Write(path, text string) { r.file(path, text, 0o644) }

// Script makes a file that can be run.
func (r *Root) Script(path, text string) { r.file(path, text, 0o755) }

func (r *Root) file(path, text string, mode fs.FileMode) {
	delete(r.base, path[1:])
	r.put(path, images.Entry{Mode: mode, Data: []byte(text), Part: configuration, Rank: images.RankOwn})
}

// Symlink makes a symbolic link.
func (r *Root) Symlink(path, target string) {
	r.put(path, images.Entry{Mode: fs.ModeSymlink | 0o777, Link: target, Part: configuration, Rank: images.RankOwn})
}

// Applets makes commands of busybox callable by name.
func (r *Root) Applets(names ...string) {
	for _, name := range names {
		r.Symlink("/usr/bin/"+name, "busybox")
	}
}

// Folder makes folders.
func (r *Root) Folder(paths ...string) {
	for _, p := range paths {
		r.put(p, images.Entry{Mode: fs.ModeDir | 0o755, Part: configuration, Rank: images.RankOwn})
	}
}

// FS shows what there is so far.
func (r *Root) FS() fs.FS { return r.tree.FS() }

// Fail stops the building.
func (r *Root) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Root) put(path string, e images.Entry) {
	if r.err == nil {
		r.err = r.tree.Put(path, e)
	}
}

// Sizes tell what an init consists of. Links count for nothing.
type Sizes struct {
	InitFiles  int `json:"init_files"` // programs and libraries
	InitBytes  int `json:"init_bytes"`
	ConfFiles  int `json:"conf_files"`
	ConfBytes  int `json:"conf_bytes"`
	ImageBytes int `json:"image_gz_bytes"` // the whole image's, compressed
	PID1Bytes  int `json:"pid1_gz_bytes"`  // of the file that the kernel runs, as gzip -9 makes it
}

// Finish returns the tree and what is in it, the sizes of compressed files
// excepted.
func (r *Root) Finish() (*images.Tree, Sizes, error) {
	var s Sizes
	if r.err == nil && r.tree.Follow("/init") == nil {
		r.err = fmt.Errorf("the image has no /init for the kernel to run")
	}
	if r.err != nil {
		return nil, s, r.err
	}
	for _, p := range r.tree.Paths() {
		e := r.tree.Get(p)
		if r.base[p] || !e.Mode.IsRegular() {
			continue
		}
		size := len(e.Data)
		if e.Source != "" {
			info, err := os.Stat(e.Source)
			if err != nil {
				return nil, s, err
			}
			size = int(info.Size())
		}
		if e.Part == configuration {
			s.ConfFiles, s.ConfBytes = s.ConfFiles+1, s.ConfBytes+size
		} else {
			s.InitFiles, s.InitBytes = s.InitFiles+1, s.InitBytes+size
		}
	}
	return r.tree, s, nil
}
