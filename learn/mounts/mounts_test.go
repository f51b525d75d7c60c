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
	for _, c := range []struct {
		id              int
		dev, path, want string
	}{
		{22, "0:21", "/etc/passwd", "/etc/passwd"},
		{0, "0:21", "/etc/passwd", "/etc/passwd"},
		{30, "0:25", "/x", "/run/x"},
		{30, "0:25", "/inner/x", "/run/inner/x"},
		{31, "0:25", "/inner/x", "/srv/in side/x"},
		{0, "0:25", "/inner/x", "/srv/in side/x"},
		{77, "0:25", "/inner", "/srv/in side"}, // of another namespace
		{22, "0:25", "/inner", "/srv/in side"}, // an id that was used again
		{0, "0:25", "/innermost", "/run/innermost"},
		{0, "254:1", "/", "/var"},
		{99, "0:99", "/x", "0:99:/x"},
	} {
		if got := table.Path(c.id, c.dev, c.path); got != c.want {
			t.Errorf("%s of %s by %d is %s, not %s", c.path, c.dev, c.id, got, c.want)
		}
	}
	if point, ok := table.Point(31); !ok || point != "/srv/in side" {
		t.Errorf("31 is at %s", point)
	}
	if point, ok := table.Point(77); ok {
		t.Errorf("77 is at %s", point)
	}
	if _, err := Read(strings.NewReader("x 1 0:21 / / rw - rootfs rootfs rw\n")); err == nil {
		t.Error("a mount without an id was read")
	}
	if _, err := Read(strings.NewReader("22 1 0:21 /\n")); err == nil {
		t.Error("half a line was read as a mount")
	}
}
