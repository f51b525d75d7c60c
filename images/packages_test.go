package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"clarityos/images/debian"
)

// debFile makes a .deb with the given members.
func debFile(t *testing.T, members ...tar.Header) string {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, h := range members {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		h.Size = 0
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	text := fmt.Sprintf("!<arch>\n%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", "data.tar", 0, 0, 0, "100644", data.Len(), data.String())
	return write(t, t.TempDir(), "p.deb", text)
}

func TestAddPackage(t *testing.T) {
	deb := debFile(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./bin/su", Mode: 0o4755},
		tar.Header{Name: "./lib/x86_64-linux-gnu/libx.so.1", Typeflag: tar.TypeSymlink, Linkname: "libx.so.1.2"},
		tar.Header{Name: "./usr/bin/hard", Typeflag: tar.TypeLink, Linkname: "./bin/su"},
		tar.Header{Name: "./usr/share/doc/p/copyright", Mode: 0o644},
		tar.Header{Name: "./usr/share/doc/p/README", Mode: 0o644},
		tar.Header{Name: "./usr/share/man/man1/su.1.gz", Mode: 0o644},
		tar.Header{Name: "./usr/share/locale/de/x.mo", Mode: 0o644},
		tar.Header{Name: "./usr/share/zoneinfo/right/Rome", Mode: 0o644},
		tar.Header{Name: "./var/lib/p", Typeflag: tar.TypeDir, Mode: 0o2750, Uid: 5, Gid: 6},
		tar.Header{Name: "./tmp", Typeflag: tar.TypeDir, Mode: 0o755},
	)
	p := debian.Package{Name: "p", Version: "1"}
	tree := NewTree()
	if err := tree.AddPackage(p, deb, []string{"/usr/share/zoneinfo/right"}, nil); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range tree.Paths() {
		if e := tree.Get(path); e.Part == "package p" {
			got = append(got, fmt.Sprintf("%s %v %d:%d %s", path, e.Mode, e.UID, e.GID, e.Link))
		}
	}
	want := []string{
		"usr/bin/hard urwxr-xr-x 0:0 ",
		"usr/bin/su urwxr-xr-x 0:0 ",
		"usr/lib/x86_64-linux-gnu/libx.so.1 Lrwxrwxrwx 0:0 libx.so.1.2",
		"usr/share/doc/p/copyright -rw-r--r-- 0:0 ",
		"var/lib/p dgrwxr-x--- 5:6 ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if mode := tree.Get("tmp").Mode; mode&fs.ModeSticky == 0 {
		t.Errorf("a package took the sticky bit from /tmp: %v", mode)
	}

	single := NewTree()
	if err := single.AddPackage(p, deb, nil, []string{"/usr/bin/su"}); err != nil || single.Get("usr/bin/hard") != nil {
		t.Errorf("one file of a package: %v", err)
	}
	err := single.AddPackage(p, deb, nil, []string{"/usr/bin/none"})
	if err == nil || err.Error() != "package p 1 has no file /usr/bin/none" {
		t.Errorf("a file that the package lacks: %v", err)
	}
}

func TestQuestion(t *testing.T) {
	d := &Definition{Suite: "trixie", Arch: "amd64", Packages: []string{"nginx", "dpkg", "nginx"},
		Omit: []string{"iproute2"}, Keep: []string{"procps"}, From: []FromDef{{Package: "tar"}}}
	q := d.question()
	if strings.Join(q.Names, " ") != "dpkg nginx" || strings.Join(q.Single, " ") != "tar" {
		t.Errorf("asks for %q, single %q", q.Names, q.Single)
	}
	omit := " " + strings.Join(q.Omit, " ") + " "
	for name, want := range map[string]bool{"iproute2": true, "systemd": true, "procps": false, "dpkg": false} {
		if strings.Contains(omit, " "+name+" ") != want {
			t.Errorf("%s left out: %v, want %v", name, !want, want)
		}
	}
}

func TestAddBase(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "root/etc/motd", "hi")
	d := &Definition{Dir: dir, Base: "root"}
	tree := NewTree()
	if err := d.addBase(tree); err != nil || string(mustBytes(t, tree, "etc/motd")) != "hi" {
		t.Errorf("a folder as base: %v", err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	w.WriteHeader(&tar.Header{Name: "bin/tool", Mode: 0o700, Uid: 9, Typeflag: tar.TypeReg})
	w.Close()
	write(t, dir, "base.tar", archive.String())
	d.Base = "base.tar"
	if err := d.addBase(tree); err != nil || tree.Get("usr/bin/tool") == nil || tree.Get("usr/bin/tool").UID != 9 {
		t.Errorf("a tar as base: %v, %+v", err, tree.Get("usr/bin/tool"))
	}
	d.Base = "nowhere"
	if err := d.addBase(tree); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "nowhere")) {
		t.Errorf("no base: %v", err)
	}
}

func mustBytes(t *testing.T, tree *Tree, p string) []byte {
	t.Helper()
	e := tree.Follow(p)
	if e == nil {
		t.Fatalf("the tree has no %s", p)
	}
	data, err := e.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
