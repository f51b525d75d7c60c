package bootdisk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"clarityos/update/gpt"
)

// Partition is one of a disk.
type Partition struct {
	Device string // below /dev
	Name   string // in the partition table
	UUID   string // likewise, in capitals; "" where it cannot be known
}

// Disk is one with its partitions, by their names.
type Disk struct {
	Name  string
	Parts map[string]Partition
}

// The names of partitions; the root and the hash tree of a slot end with "-a" or "-b".
const (
	ESP    = "esp"
	State  = "clarity-state" // it has the record of slots
	Root   = "root"
	Verity = "verity"
	Var    = "clarity-var"
)

// ErrNotYet is wrapped where a disk or a partition is not there, and may come.
var ErrNotYet = errors.New("is not there yet")

// Find gives the disk of the machine: the one that has a partition State and one with the
// GUID or, where no GUIDs can be known, or guid is "", the only one that has a partition
// State. Block is /sys/block, and dev /dev.
func Find(block, dev fs.FS, guid string) (Disk, error) {
	names, err := fs.ReadDir(block, ".")
	if err != nil {
		return Disk{}, fmt.Errorf("look for disks: %w", err)
	}
	var with []Disk
	for _, n := range names {
		d := Disk{n.Name(), partitions(block, n.Name())}
		if p, has := d.Parts[State]; has && p.UUID == "" && guid != "" {
			d.readTable(block, dev)
		}
		p, has := d.Parts[State]
		switch {
		case !has:
		case guid != "" && d.with(strings.ToUpper(guid)):
			return d, nil
		case p.UUID == "" || guid == "":
			with = append(with, d)
		}
	}
	switch len(with) {
	case 0:
		return Disk{}, fmt.Errorf("the disk with partitions %s and %s %w", State, guid, ErrNotYet)
	case 1:
		return with[0], nil
	}
	var which []string
	for _, d := range with {
		which = append(which, d.Name)
	}
	return Disk{}, fmt.Errorf("these disks have a partition %s, and nothing says which one was booted from: %s; remove all but one", State, strings.Join(which, ", "))
}

// Of gives the disk that has a partition, by that one's path below /dev.
func Of(block fs.FS, device string) (Disk, error) {
	names, err := fs.ReadDir(block, ".")
	if err != nil {
		return Disk{}, fmt.Errorf("look for disks: %w", err)
	}
	for _, n := range names {
		d := Disk{n.Name(), partitions(block, n.Name())}
		for _, p := range d.Parts {
			if p.Device == device {
				return d, nil
			}
		}
	}
	return Disk{}, fmt.Errorf("the disk with partition %s %w", device, ErrNotYet)
}

// readTable takes partitions' GUIDs from the table itself: Linux 6.12 does not tell them.
// What cannot be read stays unknown.
func (d Disk) readTable(block, dev fs.FS) {
	text, err := fs.ReadFile(block, path.Join(d.Name, "size"))
	if err != nil {
		return
	}
	sectors, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return
	}
	f, err := dev.Open(d.Name)
	if err != nil {
		return
	}
	defer f.Close()
	disk, ok := f.(io.ReaderAt)
	if !ok {
		return
	}
	table, err := gpt.Read(disk, sectors*gpt.Sector)
	if err != nil {
		return
	}
	for _, p := range table.Partitions() {
		if known, has := d.Parts[p.Name]; has && known.UUID == "" {
			known.UUID = p.GUID.String()
			d.Parts[p.Name] = known
		}
	}
}

// with says whether a partition of a disk has a GUID.
func (d Disk) with(guid string) bool {
	for _, p := range d.Parts {
		if p.UUID == guid {
			return true
		}
	}
	return false
}

// partitions gives those of a disk, by name; of two with one name the first.
func partitions(block fs.FS, name string) map[string]Partition {
	out := map[string]Partition{}
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
		p := Partition{}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch key {
			case "DEVNAME":
				p.Device = "/dev/" + value
			case "PARTNAME":
				p.Name = value
			case "PARTUUID":
				p.UUID = strings.ToUpper(value)
			}
		}
		if _, twice := out[p.Name]; p.Name != "" && p.Device != "" && !twice {
			out[p.Name] = p
		}
	}
	return out
}

// Has says which of the named partitions a disk lacks, as ErrNotYet.
func (d Disk) Has(names ...string) error {
	for _, n := range names {
		if _, ok := d.Parts[n]; !ok {
			return fmt.Errorf("partition %s of disk %s %w", n, d.Name, ErrNotYet)
		}
	}
	return nil
}
