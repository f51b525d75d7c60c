package medium

import (
	"reflect"
	"testing"
	"testing/fstest"
)

func TestDevices(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	block := fstest.MapFS{
		"vda/size": file("99\n"), "vda/vda1/partition": file("1\n"),
		"sda/size": file("99\n"), "sda/sda1/partition": file("1\n"), "sda/sda2/partition": file("2\n"), "sda/queue/rotational": file("0\n"),
		"sdb/size": file("0\n"), "sdb/sdb1/partition": file("1\n"),
		"sr0/size": file("99\n"), "sr0/queue/rotational": file("1\n"),
		"loop0/size": file("99\n"), "dm-0/size": file("99\n"), "zram0/size": file("9\n"),
		"gone/queue/rotational": file("1\n"),
	}
	names, err := Devices(block, "vda")
	if want := []string{"sda1", "sda2", "sr0"}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("%q, %v; wanted %q", names, err, want)
	}
	if names, err := Devices(fstest.MapFS{}, "vda"); err != nil || len(names) > 0 {
		t.Errorf("%q, %v", names, err)
	}
}
