package bootdisk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"clarityos/images/disk"
)

func sys(disks map[string][]string) fstest.MapFS {
	out := fstest.MapFS{"loop0/size": {Data: []byte("0\n")}}
	for name, parts := range disks {
		out[name+"/size"] = &fstest.MapFile{Data: []byte("1\n")}
		for i, p := range parts {
			n, uuid, _ := strings.Cut(p, " ")
			text := fmt.Sprintf("MAJOR=254\nMINOR=%d\nDEVNAME=%s%d\nDEVTYPE=partition\nPARTN=%[3]d\nPARTNAME=%s\n", i+1, name, i+1, n)
			if uuid != "" {
				text += "PARTUUID=" + uuid + "\n"
			}
			out[fmt.Sprintf("%s/%[1]s%d/uevent", name, i+1)] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return out
}

func TestFind(t *testing.T) {
	mine := []string{"esp ee-ff", "clarity-state aa-bb", "root-a 3", "root-a 4"}
	for name, c := range map[string]struct {
		disks map[string][]string
		guid  string
		want  string
		err   string
	}{
		"by its GUID":                  {map[string][]string{"sda": {"clarity-state cc"}, "sdb": mine}, "AA-BB", "sdb", ""},
		"by that of another partition": {map[string][]string{"sda": {"clarity-state cc"}, "sdb": mine, "sdc": {"esp 1"}}, "ee-ff", "sdb", ""},
		"the only one":                 {map[string][]string{"vda": {"root-a", "clarity-state"}}, "AA-BB", "vda", ""},
		"nobody says which":            {map[string][]string{"vda": {"clarity-state"}, "vdb": {"clarity-state"}}, "AA-BB", "", "these disks have a partition clarity-state"},
		"another one's":                {map[string][]string{"sda": {"clarity-state cc"}}, "AA-BB", "", "is not there yet"},
		"none":                         {map[string][]string{"sda": {"esp 1"}}, "", "", "is not there yet"},
		"one of two, none wanted":      {map[string][]string{"sda": mine}, "", "sda", ""},
	} {
		d, err := Find(sys(c.disks), fstest.MapFS{}, c.guid)
		if d.Name != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if strings.Contains(c.err, "yet") && !errors.Is(err, ErrNotYet) {
			t.Errorf("%s: it may come: %v", name, err)
		}
	}
	d, err := Find(sys(map[string][]string{"sdb": mine}), fstest.MapFS{}, "aa-bb")
	if err != nil || d.Parts["root-a"] != (Partition{"/dev/sdb3", "root-a", "3"}) {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := Of(sys(map[string][]string{"sda": {"esp"}, "sdb": mine}), "/dev/sdb3"); err != nil || d.Name != "sdb" || d.Parts["root-a"].Device != "/dev/sdb3" {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := Of(sys(map[string][]string{"sda": {"esp"}}), "/dev/sdb3"); !errors.Is(err, ErrNotYet) {
		t.Errorf("%+v, %v", d, err)
	}
	if err := d.Has("esp", "root-a"); err != nil {
		t.Error(err)
	}
	if err := d.Has("esp", "verity-a"); !errors.Is(err, ErrNotYet) || !strings.Contains(err.Error(), "partition verity-a of disk sdb") {
		t.Error(err)
	}
}

// Where the kernel tells no GUIDs the table does: a disk that is like the machine's, and there
// first, is not taken for it.
func TestFindByTable(t *testing.T) {
	block, dev := sys(map[string][]string{"sda": {"esp", State}, "sdb": {"esp", State}}), fstest.MapFS{}
	var guids []string
	for _, name := range []string{"sda", "sdb"} {
		path := filepath.Join(t.TempDir(), name)
		placed, size, err := disk.Place(name, []disk.Partition{{Name: "esp", Type: disk.ESP, Size: 1 << 20}, {Name: State, Type: disk.State, Size: 1 << 20}})
		if err == nil {
			err = disk.Write(path, name, placed, size)
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		dev[name] = &fstest.MapFile{Data: b}
		block[name+"/size"] = &fstest.MapFile{Data: fmt.Appendf(nil, "%d\n", size/512)}
		guids = append(guids, placed[1].GUID)
	}
	for i, name := range []string{"sda", "sdb"} {
		if d, err := Find(block, dev, guids[i]); d.Name != name || err != nil {
			t.Errorf("%s was found by the GUID of %s: %v", d.Name, name, err)
		}
	}
	delete(block, "sdb/sdb2/uevent")
	if d, err := Find(block, dev, guids[1]); !errors.Is(err, ErrNotYet) {
		t.Errorf("before its disk has come, %s is taken: %v", d.Name, err)
	}
}
