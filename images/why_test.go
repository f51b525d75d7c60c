package images

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"clarityos/images/debian"
	"clarityos/images/elftest"
)

// reasonedImage is one whose files came by all the ways that there are.
func reasonedImage(t *testing.T) *Image {
	t.Helper()
	dir, lock := t.TempDir(), emptyLock()
	text := ""
	d := &Definition{Name: "x", Dir: dir, Arch: runtime.GOARCH, Base: "root", Data: &DataDef{}, Packages: []string{"db", "top"},
		From:  []FromDef{{Package: "single"}},
		Files: []FileDef{{Path: "/etc/mine", Content: &text}}, Links: []LinkDef{{Path: "/etc/alias", Target: "mine"}, {Path: "/etc/lost", Target: "none"}}}
	d.complete()
	write(t, dir, "root/etc/motd", "hi")
	tree := NewTree()
	if err := d.addBase(tree); err != nil {
		t.Fatal(err)
	}
	var set []debian.Package
	for _, name := range []string{"db", "deep", "e2fsprogs", "lib", "provider", "top"} {
		set = append(set, debian.Package{Name: name})
	}
	tree.notePackages(d, set, map[string]debian.Relations{
		"db":   {Depends: []string{"virtual", "lib", "absent"}},
		"top":  {Depends: []string{"db", "deep", "lib"}},
		"deep": {Depends: []string{"top"}}, "lib": {Depends: []string{"deep"}}, "provider": {Provides: []string{"virtual"}},
	})
	for _, p := range []string{"db", "deep", "e2fsprogs", "lib", "libc-bin", "provider", "single", "top"} {
		put(t, tree, "usr/bin/"+p, Entry{Mode: 0o755, Part: "package " + p, Rank: RankPackage})
	}
	put(t, tree, "usr/share/data/one/1", Entry{Mode: 0o644, Part: "package top", Rank: RankPackage})
	put(t, tree, "usr/share/data/two/2", Entry{Mode: 0o644, Part: "package top", Rank: RankPackage})
	for name, entries := range map[string][]string{"a": {"name=a"}, "virtio-ring": {"name=virtio_ring", "depends=a"},
		"virtio_net": {"name=virtio_net", "depends=virtio-ring"}, "zram": {"name=zram", "depends=b"}, "b": {"name=b"}, "wanted": {"name=wanted"}} {
		write(t, dir, "modules/6.1/kernel/"+name+".ko", string(elftest.Module(entries...)))
	}
	kernel := Kernel{Image: write(t, dir, "vmlinuz", "kernel"), ModulesDir: filepath.Join(dir, "modules/6.1"), Release: "6.1"}
	if _, err := addModules(tree, kernel, []string{"wanted"}); err != nil {
		t.Fatal(err)
	}
	a := newAccounts(t, lock)
	if err := d.addContent(tree, a); err != nil {
		t.Fatal(err)
	}
	put(t, tree, "opt/tool", Entry{Mode: 0o755, Data: elftest.Dynamic("libc.so.6"), Part: "definition [[file]]", Rank: RankDefinition})
	if _, err := tree.followLibraries(runtime.GOARCH); err != nil {
		t.Fatal(err)
	}
	put(t, tree, "usr/lib/clarity/bbin/bb", Entry{Mode: 0o755, Part: "busybox", Rank: RankOwn})
	put(t, tree, "usr/bin/sh", Entry{Mode: fs.ModeSymlink | 0o777, Link: "../lib/clarity/bbin/bb", Part: "busybox", Rank: RankOwn})
	b := &build{Options: Options{Out: t.TempDir()}, d: d, lock: lock, t: tree, kernel: kernel, accounts: a}
	if err := b.seal(); err != nil {
		t.Fatal(err)
	}
	img, err := b.write()
	if err == nil {
		err = img.Bake("lessons", map[string][]byte{"/usr/lib/clarity/lessons": nil})
	}
	if err == nil {
		img, err = Open(img.Dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestWhy(t *testing.T) {
	img := reasonedImage(t)
	libraries := libraryDirs(runtime.GOARCH)[0]
	for p, want := range map[string]string{
		"/usr/bin/db":                            "package db: definition packages → package db",
		"/usr/bin/lib":                           "package lib: definition packages → package db → package lib",
		"/usr/bin/deep":                          "package deep: definition packages → package top → package deep",
		"/usr/bin/provider":                      "package provider: definition packages → package db → package provider",
		"/usr/bin/single":                        "package single: definition [[from]] → package single",
		"/usr/bin/e2fsprogs":                     "package e2fsprogs: default, for [data] → package e2fsprogs",
		"/usr/bin/libc-bin":                      "package libc-bin: default, the locale of services → package libc-bin",
		"/usr/share/data/two/2":                  "package top: definition packages → package top",
		"/etc/motd":                              "base: definition base → base",
		"/etc/mine":                              "definition [[file]]: definition [[file]]",
		"/etc/alias":                             "definition [[link]] /etc/mine: definition [[link]]",
		"/etc/lost":                              "definition [[link]]: definition [[link]]",
		"/lib/modules/6.1/kernel/virtio-ring.ko": "modules: default, loaded at boot → module virtio_net → module virtio_ring",
		"/lib/modules/6.1/kernel/a.ko":           "modules: default, loaded at boot → module virtio_net → module virtio_ring → module a",
		"/usr/lib/modules/6.1/kernel/b.ko":       "modules: default, loaded when it is asked for → module zram → module b",
		"/usr/lib/modules/6.1/kernel/wanted.ko":  "modules: definition modules → module wanted",
		"/usr/lib/modules/6.1/modules.dep":       "modules: default → modules",
		"/bin/sh":                                "busybox /usr/lib/clarity/bbin/bb: default → busybox",
		"usr/bin/sh":                             "busybox /usr/lib/clarity/bbin/bb: default → busybox",
		"/dev/null":                              "skeleton: default → skeleton",
		"/usr/lib/clarity/lessons":               "baked: lessons: baked: lessons",
		libraries + "/libc.so.6":                 "libraries of this machine: definition [[file]] → /opt/tool",
	} {
		w, err := img.Why(p)
		if err != nil {
			t.Error(err)
			continue
		}
		got := w.Part
		if w.Leads != "" {
			got += " " + w.Leads
		}
		if got += ": " + strings.Join(w.Chain, " → "); got != want || w.Path != usrMerged(p) {
			t.Errorf("%s (%s): %s\nwant %s", p, w.Path, got, want)
		}
	}
	for p, want := range map[string]string{
		"/usr":           "why /usr: it is a folder, which several may have brought; name a file in it",
		"/":              "why /: it is a folder, which several may have brought; name a file in it",
		"/sbin/provider": "why /sbin/provider: the image has no /usr/sbin/provider; did you mean /usr/bin/provider?",
		"/etc/mnie":      "why /etc/mnie: the image has no /etc/mnie; did you mean /etc/mine?",
		"/xyzzy-xyzzy":   "why /xyzzy-xyzzy: the image has no /xyzzy-xyzzy",
	} {
		if _, err := img.Why(p); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", p, err, want)
		}
	}
	img.Parts = nil
	if _, err := img.Why("/etc/mine"); err == nil || !strings.Contains(err.Error(), "build the image again") {
		t.Errorf("an image that does not say who brought what: %v", err)
	}
}

// A folder of one contributor takes one line of image.json.
func TestPartsAreSmall(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(reasonedImage(t).Dir, FactsFile))
	if err != nil || !bytes.Contains(text, []byte(`"/usr/share/"`)) || bytes.Contains(text, []byte("/usr/share/data")) {
		t.Errorf("%v\n%s", err, text)
	}
}
