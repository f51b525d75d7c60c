package images

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContent(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "site/index.html", "page")
	write(t, dir, "site/cgi/run", "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(dir, "site/cgi/run"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("index.html", filepath.Join(dir, "site/home")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "web.service", "[Service]\n")
	text := "key"
	d := &Definition{
		Name: "x", Dir: dir,
		Files: []FileDef{
			{Path: "/srv/www", Source: "site", Owner: "www-data"},
			{Path: "/bin/tool", Source: "site/cgi/run", Mode: "4750", Owner: "root:adm"},
			{Path: "/etc/key", Content: &text, Mode: "0400"},
		},
		Dirs:     []DirDef{{Path: "/var/lib/web", Owner: "www-data", Group: "adm", Mode: "2750"}},
		Links:    []LinkDef{{Path: "/etc/alias", Target: "key"}},
		UnitDefs: []UnitDef{{Name: "web.service", Source: "web.service"}},
		DropIns:  []DropInDef{{Unit: "nginx.service", Name: "a.conf", Content: "[Unit]\n"}},
	}
	tree := NewTree()
	if err := d.addContent(tree, newAccounts(t, emptyLock())); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range tree.Paths() {
		if e := tree.Get(p); strings.HasPrefix(e.Part, "definition ") {
			data, _ := e.Bytes()
			got = append(got, fmt.Sprintf("%s %v %d:%d %s%s", p, e.Mode, e.UID, e.GID, strings.TrimSpace(string(data)), e.Link))
		}
	}
	want := []string{
		"etc/alias Lrwxrwxrwx 0:0 key",
		"etc/key -r-------- 0:0 key",
		"etc/systemd/system/nginx.service.d/a.conf -rw-r--r-- 0:0 [Unit]",
		"etc/systemd/system/web.service -rw-r--r-- 0:0 [Service]",
		"srv/www drwxr-xr-x 33:33 ",
		"srv/www/cgi drwxr-xr-x 33:33 ",
		"srv/www/cgi/run -rwxr-xr-x 33:33 #!/bin/sh",
		"srv/www/home Lrwxrwxrwx 33:33 index.html",
		"srv/www/index.html -rw-r--r-- 33:33 page",
		"usr/bin/tool urwxr-x--- 0:4 #!/bin/sh",
		"var/lib/web dgrwxr-x--- 33:4 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
}

func TestContentErrors(t *testing.T) {
	for _, test := range []struct {
		want string
		file FileDef
	}{
		{"file /x: there is no user ghost; define it with [[user]]", FileDef{Path: "/x", Source: "s", Owner: "ghost"}},
		{"file /x: there is no group ghosts; define it with [[group]]", FileDef{Path: "/x", Source: "s", Owner: "root:ghosts"}},
		{"file /x: stat DIR/s: no such file or directory", FileDef{Path: "/x", Source: "s"}},
	} {
		d := &Definition{Dir: t.TempDir(), Files: []FileDef{test.file}}
		err := d.addContent(NewTree(), newAccounts(t, emptyLock()))
		if err == nil || strings.ReplaceAll(err.Error(), d.Dir, "DIR") != test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
}
