package modules

import (
	"fmt"
	"slices"
	"strings"
)

// Module is one chosen module.
type Module struct {
	Info
	Path string // decompressed name in lib/modules/RELEASE, e.g. kernel/fs/ext4/ext4.ko
	ELF  []byte // decompressed
	For  string // the module that depends on it; "" if it is one of the named
}

// UnknownError names a module that the kernel neither has nor has built in.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("the kernel has no module %s", e.Name)
}

// Choose returns the named modules and what they depend on, each after all
// that it depends on; otherwise in the order of names. What the kernel has built
// in is skipped. A name in wanted that the kernel does not have is skipped too,
// one in required is an *UnknownError.
func (t *Tree) Choose(wanted, required []string) ([]Module, error) {
	c := chooser{t: t, seen: map[string]bool{}}
	for _, name := range wanted {
		if err := c.add(Canonical(name), nil); err != nil {
			return nil, err
		}
	}
	for _, name := range required {
		name = Canonical(name)
		if !t.Has(name) {
			return nil, &UnknownError{name}
		}
		if err := c.add(name, nil); err != nil {
			return nil, err
		}
	}
	return c.chosen, nil
}

// Has tells whether the kernel has the module, as a file or built in.
func (t *Tree) Has(name string) bool {
	name = Canonical(name)
	return t.files[name] != "" || t.builtin[name]
}

type chooser struct {
	t      *Tree
	seen   map[string]bool
	chosen []Module
}

func (c *chooser) add(name string, path []string) error {
	if slices.Contains(path, name) {
		return fmt.Errorf("kernel modules depend on each other in a circle: %s", strings.Join(append(path, name), " → "))
	}
	file := c.t.files[name]
	if c.seen[name] || file == "" {
		return nil // chosen already, built in, or not there
	}
	ko, err := c.t.read(file)
	if err != nil {
		return fmt.Errorf("kernel module %s: %w", name, err)
	}
	info, err := ParseInfo(ko)
	if err != nil {
		return fmt.Errorf("kernel module %s: %w", file, err)
	}
	if info.Name == "" {
		info.Name = name
	}
	by := ""
	if len(path) > 0 {
		by = path[len(path)-1]
	}
	path = append(slices.Clip(path), name)
	for _, d := range info.Depends {
		if !c.t.Has(d) {
			return fmt.Errorf("kernel module %s depends on %s, which the kernel does not have", name, d)
		}
		if err := c.add(d, path); err != nil {
			return err
		}
	}
	for _, d := range info.SoftPre {
		if slices.Contains(path, d) {
			continue // soft circles exist and mean nothing
		}
		if err := c.add(d, path); err != nil {
			return err
		}
	}
	c.seen[name] = true
	plain := file[:strings.LastIndex(file, ".ko")+len(".ko")]
	c.chosen = append(c.chosen, Module{Info: info, Path: plain, ELF: ko, For: by})
	return nil
}
