package unit

import (
	"errors"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// SearchPath lists the folders that hold units, the strongest first. Paths
// are relative to the root, as fs.FS wants them.
var SearchPath = []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system"}

// File is a unit as it lies in a root: the strongest fragment of its name and
// all of its drop-ins.
type File struct {
	Name       string
	Paths      []string // absolute in the root: fragment first, then drop-ins in order
	Masked     bool     // linked to /dev/null, or empty
	Directives []Directive
	Problems   []Problem
}

// Set is every unit of a root.
type Set struct {
	Files    []File              // sorted by name
	Aliases  map[string]string   // names that are links to units of another name
	Wants    map[string][]string // by unit: what its .wants folders name
	Requires map[string][]string // by unit: what its .requires folders name
}

// Load reads every unit of a root.
func Load(root fs.FS) (Set, error) {
	set := Set{Aliases: map[string]string{}, Wants: map[string][]string{}, Requires: map[string][]string{}}
	found := map[string]string{} // name → path of its strongest fragment
	for _, dir := range SearchPath {
		entries, err := fs.ReadDir(root, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return set, err
		}
		for _, e := range entries {
			name := e.Name()
			switch ext := path.Ext(name); {
			case ext == ".wants" || ext == ".requires":
				into := set.Wants
				if ext == ".requires" {
					into = set.Requires
				}
				links, err := fs.ReadDir(root, dir+"/"+name)
				if err != nil {
					return set, err
				}
				owner := strings.TrimSuffix(name, ext)
				for _, l := range links {
					into[owner] = append(into[owner], l.Name())
				}
			case ext == ".d" || CheckName(name) != nil:
			case found[name] == "":
				found[name] = dir + "/" + name
			}
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		at := found[name]
		target, err := linkTarget(root, at)
		if err != nil {
			return set, err
		}
		if base := path.Base(target); target != "" && target != "/dev/null" && base != name {
			set.Aliases[name] = base
			continue
		}
		f := File{Name: name, Paths: []string{"/" + at}, Masked: target == "/dev/null"}
		if !f.Masked {
			text, err := fs.ReadFile(root, at)
			if err != nil {
				return set, err
			}
			f.Masked = len(text) == 0
			f.Directives, f.Problems = Parse("/"+at, text)
		}
		if err := f.AddDropIns(root); err != nil {
			return set, err
		}
		set.Files = append(set.Files, f)
	}
	return set, nil
}

// AddDropIns appends the directives of NAME.d/*.conf, sorted by file name over
// all folders; of two files of one name the stronger folder's counts.
func (f *File) AddDropIns(root fs.FS) error {
	at := map[string]string{}
	dirs := dropInFolders(f.Name)
	for _, base := range SearchPath {
		for _, d := range dirs {
			entries, err := fs.ReadDir(root, base+"/"+d)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			for _, e := range entries {
				if strings.HasSuffix(e.Name(), ".conf") && at[e.Name()] == "" {
					at[e.Name()] = base + "/" + d + "/" + e.Name()
				}
			}
		}
	}
	names := make([]string, 0, len(at))
	for n := range at {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		text, err := fs.ReadFile(root, at[n])
		if err != nil {
			return err
		}
		ds, ps := Parse("/"+at[n], text)
		f.Paths = append(f.Paths, "/"+at[n])
		f.Directives = append(f.Directives, ds...)
		f.Problems = append(f.Problems, ps...)
	}
	return nil
}

// dropInFolders lists where drop-ins of a unit are, the most general first: of
// its kind, of each prefix of its name that ends in a dash, of its template, of
// itself.
func dropInFolders(name string) []string {
	ext := path.Ext(name)
	dirs := []string{ext[1:] + ".d"}
	base, _, _ := strings.Cut(strings.TrimSuffix(name, ext), "@")
	for i := range base {
		if base[i] == '-' && i+1 < len(base) {
			dirs = append(dirs, base[:i+1]+ext+".d")
		}
	}
	if t := TemplateOf(name); t != "" {
		dirs = append(dirs, t+".d")
	}
	return append(dirs, name+".d")
}

// Instance makes an instance of a template of the set: ok is false when the set
// has no such template. Its drop-ins are those of both names.
func (set Set) Instance(root fs.FS, name string) (f File, ok bool, err error) {
	template := TemplateOf(name)
	for _, t := range set.Files {
		if t.Name != template || template == "" {
			continue
		}
		f = File{Name: name, Paths: t.Paths[:1:1], Masked: t.Masked, Problems: t.Problems}
		for _, d := range t.Directives {
			if d.File == t.Paths[0] {
				f.Directives = append(f.Directives, d)
			}
		}
		return f, true, f.AddDropIns(root)
	}
	return File{}, false, nil
}

// linkTarget gives where a symbolic link points, "" for anything else.
func linkTarget(root fs.FS, name string) (string, error) {
	info, err := fs.Lstat(root, name)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return "", err
	}
	return fs.ReadLink(root, name)
}
