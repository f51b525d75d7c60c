package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// partition is one of a disk.
type partition struct {
	device string // below /dev
	name   string // in the partition table
	uuid   string // likewise, in capitals; "" where the kernel does not tell
}

// disk is one with its partitions, by their names.
type disk struct {
	name  string
	parts map[string]partition
}

// stateName is the partition of the record of slots.
const stateName = "clarity-state"

// errNotYet is wrapped where a disk or a partition is not there, and may come.
var errNotYet = errors.New("is not there yet")

// find gives the disk of the machine: the one whose partition clarity-state has the GUID
// state or, where the kernel tells none, or state is "", the only one that has such a
// partition. Block is /sys/block.
func find(block fs.FS, state string) (disk, error) {
	names, err := fs.ReadDir(block, ".")
	if err != nil {
		return disk{}, fmt.Errorf("look for disks: %w", err)
	}
	var with []disk
	for _, n := range names {
		d := disk{n.Name(), partitions(block, n.Name())}
		p, has := d.parts[stateName]
		switch {
		case !has:
		case p.uuid != "" && p.uuid == strings.ToUpper(state):
			return d, nil
		case p.uuid == "" || state == "":
			with = append(with, d)
		}
	}
	switch len(with) {
	case 0:
		return disk{}, fmt.Errorf("the disk with partition %s %s %w", stateName, state, errNotYet)
	case 1:
		return with[0], nil
	}
	var which []string
	for _, d := range with {
		which = append(which, d.name)
	}
	return disk{}, fmt.Errorf("these disks have a partition %s, and nothing says which one was booted from: %s; remove all but one", stateName, strings.Join(which, ", "))
}

// partitions gives those of a disk, by name; of two with one name the first.
func partitions(block fs.FS, name string) map[string]partition {
	out := map[string]partition{}
	entries, _ := fs.ReadDir(block, name) // it may have gone
	var dirs []string
	for _, e := range entries {
		dirs = append(dirs, e.Name())
	}
	slices.SortFunc(dirs, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) // by number
	for _, dir := range dirs {
		text, err := fs.ReadFile(block, path.Join(name, dir, "uevent"))
		if err != nil {
			continue
		}
		p := partition{}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch key {
			case "DEVNAME":
				p.device = "/dev/" + value
			case "PARTNAME":
				p.name = value
			case "PARTUUID":
				p.uuid = strings.ToUpper(value)
			}
		}
		if _, twice := out[p.name]; p.name != "" && p.device != "" && !twice {
			out[p.name] = p
		}
	}
	return out
}

// has says which of the named partitions a disk lacks.
func (d disk) has(names ...string) error {
	for _, n := range names {
		if _, ok := d.parts[n]; !ok {
			return fmt.Errorf("partition %s of disk %s %w", n, d.name, errNotYet)
		}
	}
	return nil
}
