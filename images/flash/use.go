package flash

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// system is what the kernel tells of devices and what they are in use for.
type system struct {
	sys    fs.FS               // /sys
	mounts string              // /proc/self/mountinfo
	swaps  string              // /proc/swaps
	real   func(string) string // a path without symbolic links; itself if there is none
}

// node is a block device.
type node struct {
	name     string // in /sys/block, or in its disk's folder
	disk     string // of a partition
	number   string // major:minor
	readOnly bool
	holders  []string // names of what lies on it
	backing  string   // the file or device that a loop device is of
}

// use is what a device is in use for.
type use struct {
	device, how string
	running     bool // it is of the running system
}

func (u use) String() string { return u.device + " " + u.how }

// ofSystem are mount points without which the running system is nothing.
var ofSystem = []string{"/", "/usr", "/boot", "/efi", "/boot/efi", "/var"}

// nodes are all block devices, by name.
func (s system) nodes() (map[string]*node, error) {
	names, err := fs.ReadDir(s.sys, "block")
	if err != nil {
		return nil, fmt.Errorf("look for disks in /sys: %w", err)
	}
	out := map[string]*node{}
	for _, n := range names {
		dir := path.Join("block", n.Name())
		disk := s.node(dir)
		out[disk.name] = disk
		parts, _ := fs.ReadDir(s.sys, dir) // it may have gone
		for _, p := range parts {
			if _, err := fs.Stat(s.sys, path.Join(dir, p.Name(), "partition")); err == nil {
				part := s.node(path.Join(dir, p.Name()))
				part.disk = disk.name
				out[part.name] = part
			}
		}
	}
	return out, nil
}

func (s system) node(dir string) *node {
	n := &node{name: path.Base(dir), number: s.text(dir, "dev"), readOnly: s.text(dir, "ro") == "1", backing: s.text(dir, "loop/backing_file")}
	holders, _ := fs.ReadDir(s.sys, path.Join(dir, "holders"))
	for _, h := range holders {
		n.holders = append(n.holders, h.Name())
	}
	return n
}

func (s system) text(dir, name string) string {
	b, err := fs.ReadFile(s.sys, path.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// find gives the node with a number, such as 8:1; nil: there is none.
func find(nodes map[string]*node, number string) *node {
	for _, n := range nodes {
		if n.number == number {
			return n
		}
	}
	return nil
}

// uses tells what a device is in use for: itself, its partitions, and all that lies on
// them. File is the path of a regular file instead, which loop devices may be of.
func (s system) uses(nodes map[string]*node, device *node, file string) ([]use, error) {
	var out []use
	family := map[string]bool{}
	var add func(n *node)
	add = func(n *node) {
		if n == nil || family[n.name] {
			return
		}
		family[n.name] = true
		for _, h := range n.holders {
			out = append(out, use{device: n.name, how: "is part of " + h})
			add(nodes[h])
		}
		for _, name := range sorted(nodes) {
			other := nodes[name]
			switch {
			case other.disk == n.name:
				add(other)
			case other.backing == "/dev/"+n.name:
				out = append(out, use{device: n.name, how: "is what " + name + " is of"})
				add(other)
			}
		}
	}
	if device != nil {
		add(device)
	} else {
		for _, name := range sorted(nodes) {
			if nodes[name].backing == file {
				out = append(out, use{device: path.Base(file), how: "is what " + name + " is of; losetup -d /dev/" + name + " ends that"})
				add(nodes[name])
			}
		}
	}
	mounted, err := s.mounted(nodes, family)
	return append(mounted, append(s.swapped(family), out...)...), err
}

func sorted(nodes map[string]*node) []string {
	var names []string
	for name := range nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// mounted tells which of the family are mounted.
func (s system) mounted(nodes map[string]*node, family map[string]bool) ([]use, error) {
	var out []use
	for line := range strings.Lines(s.mounts) {
		// proc_pid_mountinfo(5): id parent major:minor root mountpoint options… - type source …
		f := strings.Fields(line)
		dash := slices.Index(f, "-")
		if len(f) < 6 || dash < 0 || dash+2 >= len(f) {
			return nil, fmt.Errorf("/proc/self/mountinfo has a line that is not understood: %q", line)
		}
		names := []string{s.device(unescape(f[dash+2]))}
		if n := find(nodes, f[2]); n != nil {
			names = append(names, n.name)
		}
		if strings.HasPrefix(f[2], "0:") && f[dash+1] == "btrfs" {
			names = append(names, s.btrfs(names[0])...)
		}
		for _, name := range names {
			if point := unescape(f[4]); family[name] {
				out = append(out, use{name, "is mounted on " + point, slices.Contains(ofSystem, point)})
				break
			}
		}
	}
	return out, nil
}

// btrfs gives all devices of the file system that has name: it is mounted by one of them.
func (s system) btrfs(name string) []string {
	all, _ := fs.Glob(s.sys, "fs/btrfs/*/devices/"+name)
	if len(all) == 0 {
		return nil
	}
	entries, _ := fs.ReadDir(s.sys, path.Dir(all[0]))
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// swapped tells which of the family are swapped to.
func (s system) swapped(family map[string]bool) []use {
	var out []use
	for line := range strings.Lines(s.swaps) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if name := s.device(unescape(f[0])); family[name] {
			out = append(out, use{name, "is swapped to", true})
		}
	}
	return out
}

// device gives the name of the device that a path leads to; "" for anything else.
func (s system) device(p string) string {
	if !strings.HasPrefix(p, "/dev/") {
		return ""
	}
	name, below := strings.CutPrefix(filepath.Clean(s.real(p)), "/dev/")
	if !below {
		return ""
	}
	return strings.ReplaceAll(name, "/", "!") // as /sys has them
}

// unescape undoes what the kernel does to spaces in paths.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// errRefused is what all refusals wrap that Options.Force overrules.
var errRefused = errors.New("--force overrules this")
