package modules

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strings"
)

// Info is what a module says about itself in its .modinfo section
// (include/linux/module.h, MODULE_INFO).
type Info struct {
	Name    string   // as lsmod prints it, with underscores
	Depends []string // names of modules that have to be loaded first
	SoftPre []string // names that should be loaded first where they exist
	Aliases []string // device patterns, e.g. virtio:d00000002v*
}

// ParseInfo reads the .modinfo section of a decompressed module.
func ParseInfo(ko []byte) (Info, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return Info{}, fmt.Errorf("not a kernel module: %w", err)
	}
	s := f.Section(".modinfo")
	if s == nil {
		return Info{}, fmt.Errorf("not a kernel module: no .modinfo section")
	}
	text, err := s.Data()
	if err != nil {
		return Info{}, fmt.Errorf("read .modinfo: %w", err)
	}
	var i Info
	for entry := range strings.SplitSeq(string(text), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch {
		case key == "name":
			i.Name = value
		case key == "alias":
			i.Aliases = append(i.Aliases, value)
		case key == "depends" && value != "":
			for d := range strings.SplitSeq(value, ",") {
				i.Depends = append(i.Depends, Canonical(d))
			}
		case key == "softdep":
			i.SoftPre = append(i.SoftPre, softPre(value)...)
		}
	}
	return i, nil
}

// softPre takes the names after "pre:" out of a soft dependency.
func softPre(value string) []string {
	var names []string
	pre := false
	for _, word := range strings.Fields(value) {
		switch {
		case word == "pre:":
			pre = true
		case strings.HasSuffix(word, ":"):
			pre = false
		case pre:
			names = append(names, Canonical(word))
		}
	}
	return names
}

// Canonical is a module's name as the kernel prints it: files and
// dependencies mix hyphens and underscores.
func Canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }
