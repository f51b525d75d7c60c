package mounts

import (
	"strings"
	"testing"
)

const info = `22 1 0:21 / / rw - rootfs rootfs rw
23 22 0:22 / /proc rw,nosuid shared:1 - proc proc rw
30 22 0:25 / /run rw - tmpfs tmpfs rw
31 30 0:25 /inner /srv/in\040side rw - tmpfs tmpfs rw
40 22 254:1 / /var rw - ext4 /dev/vda1 rw
`

func TestPath(t *testing.T) {
	table, err := Read(strings.NewReader(info))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dev, path, want string }{
		{"0:21", "/etc/passwd", "/etc/passwd"},
		{"0:25", "/x", "/run/x"},
		{"0:25", "/inner/x", "/srv/in side/x"},
		{"0:25", "/inner", "/srv/in side"},
		{"0:25", "/innermost", "/run/innermost"},
		{"254:1", "/", "/var"},
		{"0:99", "/x", "0:99:/x"},
	} {
		if got := table.Path(c.dev, c.path); got != c.want {
			t.Errorf("%s of %s is %s, not %s", c.path, c.dev, got, c.want)
		}
	}
	if table.Has("0:99") || !table.Has("0:21") {
		t.Error("which devices are mounted")
	}
	if _, err := Read(strings.NewReader("22 1 0:21 /\n")); err == nil {
		t.Error("half a line was read as a mount")
	}
}
