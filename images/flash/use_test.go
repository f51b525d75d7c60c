package flash

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// machine has an SSD with the system, a stick with LVM on its second partition and verity
// on that, a card, a disk of a btrfs of two, and a loop device of the stick.
func machine() system {
	files := fstest.MapFS{}
	for path, text := range map[string]string{
		"block/nvme0n1/dev": "259:0\n", "block/nvme0n1/nvme0n1p1/dev": "259:1\n", "block/nvme0n1/nvme0n1p1/partition": "1\n",
		"block/nvme0n1/nvme0n1p2/dev": "259:2\n", "block/nvme0n1/nvme0n1p2/partition": "2\n", "block/nvme0n1/nvme0n1p2/holders/dm-0": "",
		"block/dm-0/dev": "253:0\n", "block/dm-0/holders/dm-1": "",
		"block/dm-1/dev": "253:1\n",
		"block/sda/dev":  "8:0\n", "block/sda/ro": "1\n", "block/sda/queue/rotational": "0\n",
		"block/sdb/dev": "8:16\n", "block/sdc/dev": "8:32\n", "block/sdd/dev": "8:48\n",
		"block/sdd/sdd1/dev": "8:49\n", "block/sdd/sdd1/partition": "1\n", "block/sdd/sdd2/dev": "8:50\n", "block/sdd/sdd2/partition": "2\n",
		"block/loop0/dev": "7:0\n", "block/loop0/loop/backing_file": "/dev/sdb\n",
		"block/loop1/dev": "7:1\n", "block/loop1/loop/backing_file": "/home/a disk.raw\n",
		"block/sr0/dev":             "11:0\n",
		"block/cciss!c0/dev":        "104:0\n",
		"fs/btrfs/0a/devices/sdc/x": "", "fs/btrfs/0a/devices/sdd2/x": "",
	} {
		files[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return system{
		sys: files,
		mounts: `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 253:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw
28 27 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw
30 27 7:0 / /mnt/a\040place rw - ext4 /dev/loop0 rw
31 27 0:55 /@ /mnt/two rw - btrfs /dev/sdc rw
32 27 104:0 / /mnt/old rw - ext4 /dev/cciss/c0 rw
33 27 7:1 / /mnt/file rw - ext4 /dev/loop1 rw
`,
		swaps: "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/disk/by-label/swap                 partition\t8\t\t0\t\t-2\n",
		real: func(p string) string {
			if real, ok := map[string]string{"/dev/mapper/vg-root": "/dev/dm-1", "/dev/disk/by-label/swap": "/dev/sdd1"}[p]; ok {
				return real
			}
			return p
		},
	}
}

func TestUses(t *testing.T) {
	s := machine()
	nodes, err := s.nodes()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]use{
		"nvme0n1":   {{"dm-1", "is mounted on /", true}, {"nvme0n1p1", "is mounted on /boot/efi", true}, {"nvme0n1p2", "is part of dm-0", false}, {"dm-0", "is part of dm-1", false}},
		"nvme0n1p2": {{"dm-1", "is mounted on /", true}, {"nvme0n1p2", "is part of dm-0", false}, {"dm-0", "is part of dm-1", false}},
		"nvme0n1p1": {{"nvme0n1p1", "is mounted on /boot/efi", true}},
		"sda":       nil,
		"sr0":       nil,
		"sdb":       {{"loop0", "is mounted on /mnt/a place", false}, {"sdb", "is what loop0 is of", false}},
		"sdc":       {{"sdc", "is mounted on /mnt/two", false}},
		"sdd":       {{"sdd2", "is mounted on /mnt/two", false}, {"sdd1", "is swapped to", true}},
		"cciss!c0":  {{"cciss!c0", "is mounted on /mnt/old", false}},
	} {
		got, err := s.uses(nodes, nodes[name], "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(use{})); d != "" && len(want)+len(got) > 0 {
			t.Errorf("%s:\n%s", name, d)
		}
	}
	got, err := s.uses(nodes, nil, "/home/a disk.raw")
	if err != nil || len(got) != 2 || got[0].how != "is mounted on /mnt/file" || !strings.HasPrefix(got[1].how, "is what loop1 is of") {
		t.Errorf("a file: %v, %v", got, err)
	}
	s.mounts = "what is this\n"
	if _, err := s.uses(nodes, nodes["sda"], ""); err == nil {
		t.Error("mounts that are not understood are none")
	}
	if !nodes["sda"].readOnly || nodes["sdb"].readOnly {
		t.Error("sda is read-only, and sdb is not")
	}
}

func TestAccept(t *testing.T) {
	sda, sda1 := &node{name: "sda"}, &node{name: "sda1", disk: "sda"}
	good := candidate{path: "/dev/disk/by-id/stick", real: "/dev/sda", kind: blockDevice, size: 100, sector: 512, node: sda}
	for _, c := range []struct {
		change func(*candidate)
		force  bool // it overrules
		want   string
	}{
		{func(*candidate) {}, true, ""},
		{func(c *candidate) { *c = candidate{path: "f", kind: regular, size: 100} }, true, ""},
		{func(c *candidate) { c.kind = missing }, false, "truncate -s 100"},
		{func(c *candidate) { c.kind = otherKind }, false, "neither a block device nor a file"},
		{func(c *candidate) { c.image = true }, false, "is the image itself"},
		{func(c *candidate) { c.size = 99 }, false, "is too small: it has 99 B (99 bytes)"},
		{func(c *candidate) { c.sector = 4096 }, false, "has sectors of 4096 bytes"},
		{func(c *candidate) { c.node = nil }, true, "is not in /sys/block"},
		{func(c *candidate) { c.node = sda1 }, true, "is a partition of sda"},
		{func(c *candidate) { c.node = &node{name: "sda", readOnly: true} }, true, "blockdev --setrw /dev/sda"},
		{func(c *candidate) { c.uses = []use{{"sda1", "is mounted on /x", false}} }, true, "is in use: sda1 is mounted on /x; umount"},
		{func(c *candidate) { c.uses = []use{{"sda1", "is mounted on /boot", true}} }, true, "holds the running system: sda1 is mounted on /boot"},
		{func(c *candidate) { c.kind, c.uses = regular, []use{{"f", "is what loop0 is of", false}} }, true, "is in use"},
	} {
		got := good
		c.change(&got)
		err := accept(got, 100, false)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v, and not %q", err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "--force") != c.force {
			t.Errorf("whether --force helps is told the wrong way: %v", err)
		}
		if forced := accept(got, 100, true); (forced == nil) != c.force {
			t.Errorf("by force: %v, and %q", forced, c.want)
		}
	}
}
