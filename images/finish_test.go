package images

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clarityos/images/elftest"

	"github.com/google/go-cmp/cmp"
)

func TestRefuseSecrets(t *testing.T) {
	tree := NewTree()
	put(t, tree, "etc/machine-id", Entry{Mode: 0o444, Part: "package p"}) // empty: to be made
	put(t, tree, "etc/ssh/ssh_host_rsa_key.pub", Entry{Mode: 0o644, Data: []byte("x"), Part: "base"})
	if err := tree.refuseSecrets(); err != nil {
		t.Errorf("no secret: %v", err)
	}
	put(t, tree, "etc/ssh/ssh_host_rsa_key", Entry{Mode: 0o600, Data: []byte("x"), Part: "base"})
	want := "/etc/ssh/ssh_host_rsa_key (from base) is a secret and would be the same on every machine; leave it out and have a unit make it at first boot"
	if err := tree.refuseSecrets(); err == nil || err.Error() != want {
		t.Errorf("a host key: %v, want %s", err, want)
	}
}

func TestDefaults(t *testing.T) {
	tree := NewTree()
	put(t, tree, "etc/hosts", Entry{Mode: 0o644, Data: []byte("mine")})
	put(t, tree, "usr/share/ca-certificates/mozilla/B.crt", Entry{Mode: 0o644, Data: []byte("b\n")})
	put(t, tree, "usr/share/ca-certificates/mozilla/A.crt", Entry{Mode: 0o644, Data: []byte("a\n")})
	d := &Definition{Name: "x", Hostname: "box"}
	if err := d.addDefaults(tree); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"etc/hosts": "mine", "etc/hostname": "box\n", "etc/ssl/certs/ca-certificates.crt": "a\nb\n"} {
		if got := string(mustBytes(t, tree, p)); got != want {
			t.Errorf("/%s is %q, want %q", p, got, want)
		}
	}
	if !strings.Contains(string(mustBytes(t, tree, "etc/os-release")), "ID=clarityos\n") {
		t.Error("os-release does not name ClarityOS")
	}
}

func TestShell(t *testing.T) {
	for has, want := range map[string]string{"": "../lib/clarity/bbin/sh", "dash": "dash", "bash": "bash"} {
		tree := NewTree()
		if has != "" {
			put(t, tree, "bin/"+has, Entry{Mode: 0o755})
		}
		if err := tree.addShell(); err != nil || tree.Get("bin/sh").Link != want {
			t.Errorf("with %q /bin/sh is %+v, %v; want %s", has, tree.Get("bin/sh"), err, want)
		}
	}
}

func TestFollowLibraries(t *testing.T) {
	dir := t.TempDir()
	add := func(tree *Tree, p string, rank Rank, libraries ...string) {
		put(t, tree, p, Entry{Mode: 0o755, Data: elftest.Dynamic(libraries...), Part: "part", Rank: rank})
	}
	tree := NewTree()
	add(tree, "usr/bin/tool", RankPackage, "liba.so.1", "libgone.so.9")
	add(tree, "usr/lib/x86_64-linux-gnu/liba.so.1", RankPackage, "libb.so.2")
	put(t, tree, "usr/lib/x86_64-linux-gnu/libb.so.2", Entry{Mode: fs.ModeSymlink | 0o777, Link: "libb.so.2.0"})
	add(tree, "usr/lib/x86_64-linux-gnu/libb.so.2.0", RankPackage)
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, tree, "usr/bin/script", Entry{Mode: 0o755, Source: script, Rank: RankDefinition})
	warnings, err := tree.followLibraries("amd64")
	want := []string{"/usr/bin/tool (part) needs libgone.so.9, which is not in the image; add the package that has it"}
	if diff := cmp.Diff(want, warnings); err != nil || diff != "" {
		t.Errorf("warnings (-want +got), error %v:\n%s", err, diff)
	}

	// The definition's file must not lack anything.
	add(tree, "usr/bin/mine", RankDefinition, "libnobody-has-this.so.1")
	_, err = tree.followLibraries("amd64")
	if err == nil || !strings.HasPrefix(err.Error(), "/usr/bin/mine needs libnobody-has-this.so.1, which is ") {
		t.Errorf("a library that nobody has: %v", err)
	}
}

func TestMissingInterpreters(t *testing.T) {
	tree := NewTree()
	put(t, tree, "usr/bin/sh", Entry{Mode: 0o755, Data: []byte("\x7fELF")})
	put(t, tree, "usr/bin/good", Entry{Mode: 0o755, Data: []byte("#! /bin/sh -e\n")})
	put(t, tree, "usr/bin/bad", Entry{Mode: 0o755, Data: []byte("#!/usr/bin/perl -w\n")})
	put(t, tree, "usr/sbin/worse", Entry{Mode: 0o755, Data: []byte("#!/usr/bin/perl")})
	put(t, tree, "usr/share/example", Entry{Mode: 0o755, Data: []byte("#!/usr/bin/python3\n")})
	want := []string{"no /usr/bin/perl in the image, which /usr/bin/bad, /usr/sbin/worse wants; add the package that has it if something calls that"}
	if diff := cmp.Diff(want, tree.missingInterpreters()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// Two builds of the same tree are the same to the byte, and the folder is a
// complete image.
func TestOutputIsReproducible(t *testing.T) {
	kernel := write(t, t.TempDir(), "bzImage", "kernel")
	var files [2][]byte
	out := t.TempDir()
	for i := range files {
		lock := emptyLock()
		lock.Epoch = 1700000000
		d := &Definition{Name: "x", Data: &DataDef{}, Cmdline: "quiet"}
		d.complete()
		tree := NewTree()
		put(t, tree, "etc/x", Entry{Mode: 0o644, Data: bytes.Repeat([]byte("text "), 1000), Part: "definition", Rank: RankDefinition})
		b := &build{Options: Options{Out: out}, d: d, lock: lock, t: tree, kernel: Kernel{Image: kernel, Release: "6.1"},
			accounts: newAccounts(t, lock), packages: []Package{{"p", "1"}}}
		if err := b.seal(); err != nil {
			t.Fatal(err)
		}
		img, err := b.write()
		if err != nil {
			t.Fatal(err)
		}
		if files[i], err = os.ReadFile(img.Initramfs); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two builds differ")
	}
	img, err := Open(filepath.Join(out, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if img.Cmdline != "console=ttyS0 panic=10 transparent_hugepage=madvise quiet" || !img.Data || img.DataSize != 1<<30 || img.Memory != 512 ||
		len(img.ID) != 64 || img.KernelRelease != "6.1" {
		t.Errorf("facts: %+v", img)
	}
	var text bytes.Buffer
	if err := img.Cat(&text, []string{"/usr/lib/clarity/image.json"}); err != nil || !strings.Contains(text.String(), img.ID) {
		t.Errorf("image.json in the image lacks its id: %v\n%s", err, &text)
	}
	report, err := img.Inspect()
	if err != nil || !slices.ContainsFunc(report.Largest, func(f File) bool { return f.Path == "/etc/x" && f.Bytes == 5000 }) {
		t.Errorf("report: %v, %+v", err, report)
	}
	if left, _ := os.ReadDir(out); len(left) != 1 {
		t.Errorf("%d files are left in the output folder, want 1: %v", len(left), left)
	}
	os.Remove(img.Kernel)
	if _, err := Open(img.Dir); err == nil || !strings.Contains(err.Error(), "is not complete") {
		t.Errorf("an image without a kernel: %v", err)
	}
	b := &build{Options: Options{Out: out, Name: "mine"}, d: &Definition{}}
	write(t, out, "mine/thesis.txt", "years")
	if _, err := b.target(); err == nil || !strings.Contains(err.Error(), "is not an image, so it is not replaced") {
		t.Errorf("somebody's folder in the way: %v", err)
	}
	if _, err := Open(out); err == nil || !strings.Contains(err.Error(), "is not an image") {
		t.Errorf("a folder that is no image: %v", err)
	}
}
