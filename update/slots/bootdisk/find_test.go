package bootdisk

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
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
		d, err := Find(sys(c.disks), c.guid)
		if d.Name != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if strings.Contains(c.err, "yet") && !errors.Is(err, ErrNotYet) {
			t.Errorf("%s: it may come: %v", name, err)
		}
	}
	d, err := Find(sys(map[string][]string{"sdb": mine}), "aa-bb")
	if err != nil || d.Parts["root-a"] != (Partition{"/dev/sdb3", "root-a", "3"}) {
		t.Errorf("%+v, %v", d, err)
	}
	if err := d.Has("esp", "root-a"); err != nil {
		t.Error(err)
	}
	if err := d.Has("esp", "verity-a"); !errors.Is(err, ErrNotYet) || !strings.Contains(err.Error(), "partition verity-a of disk sdb") {
		t.Error(err)
	}
}
