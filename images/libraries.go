package images

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
)

// followLibraries makes sure that what ELF files load is in the tree: the
// interpreter and DT_NEEDED, recursively. What a file of the definition lacks
// is taken from this machine if that has the image's architecture; what a
// package's file lacks is returned as a warning, since leaving packages out is
// allowed.
func (t *Tree) followLibraries(arch string) (warnings []string, err error) {
	queue := t.Paths()
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		e := t.entries[p]
		if e == nil || !e.Mode.IsRegular() || strings.HasSuffix(p, ".ko") {
			continue
		}
		needs, err := elfNeeds(e, p)
		if err != nil {
			return nil, err
		}
		for _, n := range needs.missingIn(t, arch) {
			switch {
			case e.Rank == RankDefinition:
				added, err := t.hostLibrary(n, p, arch)
				if err != nil {
					return nil, err
				}
				queue = append(queue, added)
			default:
				warnings = append(warnings, fmt.Sprintf("/%s (%s) needs %s, which is not in the image; add the package that has it", p, e.Part, n))
			}
		}
	}
	return warnings, nil
}

// needs is what an ELF file loads.
type needs struct {
	interpreter string   // "" for a static file or a library
	libraries   []string // sonames
	runPath     []string // absolute folders that it looks in first
}

func elfNeeds(e *Entry, p string) (needs, error) {
	var n needs
	if e.Source != "" && !elfFile(e.Source) {
		return n, nil
	}
	data, err := e.Bytes()
	if err != nil {
		return n, fmt.Errorf("/%s: %w", p, err)
	}
	if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return n, nil
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return n, nil // damaged or foreign: nothing that the loader would read
	}
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_INTERP {
			text := make([]byte, prog.Filesz)
			if _, err := prog.ReadAt(text, 0); err == nil {
				n.interpreter = strings.TrimRight(string(text), "\x00")
			}
		}
	}
	n.libraries, _ = f.ImportedLibraries()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		lists, _ := f.DynString(tag)
		for _, list := range lists {
			for dir := range strings.SplitSeq(list, ":") {
				origin := path.Dir("/" + p)
				dir = strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(dir)
				n.runPath = append(n.runPath, dir)
			}
		}
	}
	if n.interpreter == "" { // what lies beside a library was found by who loads that
		n.runPath = append(n.runPath, "/"+path.Dir(p))
	}
	return n, nil
}

func elfFile(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = f.Read(magic[:])
	return err == nil && string(magic[:]) == elf.ELFMAG
}

// libraryDirs are the folders that Debian's loader looks in.
func libraryDirs(arch string) []string {
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[arch]
	return []string{"/usr/lib/" + triplet, "/usr/lib", "/usr/lib64", "/usr/local/lib"}
}

func (n needs) missingIn(t *Tree, arch string) []string {
	var missing []string
	if n.interpreter != "" && t.Follow(n.interpreter) == nil {
		missing = append(missing, n.interpreter)
	}
next:
	for _, lib := range n.libraries {
		for _, dir := range append(n.runPath, libraryDirs(arch)...) {
			if t.Follow(path.Join(dir, lib)) != nil {
				continue next
			}
		}
		missing = append(missing, lib)
	}
	return missing
}

// hostLibrary adds a library (soname, or path of an interpreter) from this
// machine and returns its place in the tree.
func (t *Tree) hostLibrary(name, wantedBy, arch string) (string, error) {
	if arch != runtime.GOARCH {
		return "", fmt.Errorf("/%s needs %s, which is not in the image, and this machine's is not for %s; add the Debian package that has it", wantedBy, name, arch)
	}
	from, to := name, name
	if !path.IsAbs(name) {
		from = ""
		for _, dir := range append(libraryDirs(arch), "/usr/local/lib", "/lib64") {
			if _, err := os.Stat(path.Join(dir, name)); err == nil {
				from = path.Join(dir, name)
				to = path.Join(libraryDirs(arch)[0], name)
				break
			}
		}
	}
	if _, err := os.Stat(from); err != nil {
		return "", fmt.Errorf("/%s needs %s, which is neither in the image nor on this machine; add the Debian package that has it", wantedBy, name)
	}
	part := "libraries of this machine"
	if err := t.Put(usrMerged(to), Entry{Mode: fs.FileMode(0o755), Source: from, Part: part, Rank: RankDefinition}); err != nil {
		return "", err
	}
	at, _ := t.Resolve(to)
	t.note("/"+at, "/"+wantedBy)
	return at, nil
}
