package images

import (
	"context"
	"fmt"
	"path"
	"strings"

	"clarityos/images/debian"
)

// Unpack returns a tree with all files of the named packages of a suite, as the
// package lists of the cache have them, and none of what they depend on; and
// the packages' versions by name. Take picks from the tree.
func Unpack(ctx context.Context, suite, arch string, names []string, progress Progress) (*Tree, map[string]string, error) {
	c, err := OpenCache()
	if err != nil {
		return nil, nil, err
	}
	from := c.apt(suite, arch)
	packages, err := c.singles(ctx, from, names)
	if err != nil {
		return nil, nil, err
	}
	if err := c.fetch(ctx, from, packages, progress); err != nil {
		return nil, nil, err
	}
	t, versions := NewTree(), map[string]string{}
	for _, p := range packages {
		if err := t.AddPackage(p, c.deb(p), nil, nil); err != nil {
			return nil, nil, err
		}
		versions[p.Name] = p.Version
	}
	return t, versions, nil
}

func (c Cache) singles(ctx context.Context, from archive, names []string) ([]debian.Package, error) {
	unlock, err := c.lock(ctx, "apt")
	if err != nil {
		return nil, err
	}
	defer unlock()
	return from.Single(ctx, names)
}

// Take copies what is at p in another tree with what it takes to run it: a
// folder with all below it, a link with what it leads to, an ELF file with its
// interpreter and libraries, recursively. What the other tree lacks is an error,
// except the target of a link.
func (t *Tree) Take(from *Tree, arch, p string) error {
	at, err := from.locate(p)
	if err != nil {
		return err
	}
	e := from.entries[at]
	if e == nil {
		return fmt.Errorf("no package has /%s", at)
	}
	if have := t.entries[at]; have != nil && have.Part == e.Part && !e.Mode.IsDir() {
		return nil // taken before
	}
	if !e.Mode.IsDir() || e.Part != "skeleton" {
		if err := t.Put(at, *e); err != nil {
			return err
		}
	}
	if e.Mode.IsDir() {
		for _, q := range from.Paths() {
			if rest, ok := strings.CutPrefix(q, at+"/"); ok && !strings.Contains(rest, "/") {
				if err := t.Take(from, arch, q); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if to, ok := from.Resolve(at); ok && to != at {
		return t.Take(from, arch, to)
	}
	return t.takeLibraries(from, arch, at, e)
}

// takeLibraries takes what the loader of the ELF file e, which is at p, opens.
func (t *Tree) takeLibraries(from *Tree, arch, p string, e *Entry) error {
	if !e.Mode.IsRegular() {
		return nil
	}
	n, err := elfNeeds(e, p)
	if err != nil {
		return err
	}
	if missing := n.missingIn(from, arch); len(missing) > 0 {
		return fmt.Errorf("/%s (%s) needs %s, which no package has; add the package that has it", p, e.Part, strings.Join(missing, ", "))
	}
	if n.interpreter != "" {
		if err := t.Take(from, arch, n.interpreter); err != nil {
			return err
		}
	}
	for _, lib := range n.libraries {
		for _, dir := range append(n.runPath, libraryDirs(arch)...) {
			if from.Follow(path.Join(dir, lib)) == nil {
				continue
			}
			if err := t.Take(from, arch, path.Join(dir, lib)); err != nil {
				return err
			}
			break
		}
	}
	return nil
}
