package images

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"clarityos/images/debian"
)

// omitted are packages that others depend on only for their maintainer
// scripts, or because systemd is expected to run the machine. `keep` takes them
// back.
var omitted = []string{
	"adduser", "base-files", "base-passwd", "bsdextrautils", "cdebconf", "coreutils", "dbus", "debconf",
	"debianutils", "dpkg", "findutils", "gcc-12-base", "gcc-14-base", "gcc-15-base", "gcc-16-base", "grep",
	"init-system-helpers", "install-info", "libaudit-common", "libdebconfclient0", "libsemanage-common",
	"login", "login.defs", "logsave", "lsb-base", "mawk", "mount", "openssl-provider-legacy",
	"passwd", "perl-base", "procps", "runit-helper", "sed", "sensible-utils", "systemd",
	"systemd-sysv", "sysvinit-utils", "tar", "ucf", "udev", "util-linux",
}

// question is what the definition wants to know of apt.
func (d *Definition) question() LockedSet {
	q := LockedSet{Suite: d.Suite, Arch: d.Arch}
	q.Names = sortedSet(d.Packages)
	for _, p := range append(slices.Clone(omitted), d.Omit...) {
		if !slices.Contains(d.Keep, p) && !slices.Contains(d.Packages, p) {
			q.Omit = append(q.Omit, p)
		}
	}
	q.Omit = sortedSet(q.Omit)
	for _, f := range d.From {
		q.Single = append(q.Single, f.Package)
	}
	q.Single = sortedSet(q.Single)
	return q
}

func sortedSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// resolve returns the packages of the definition: the lock's if it has them
// and update is not asked for, else what the archive has, recorded in the lock.
func (l *Lock) resolve(ctx context.Context, c Cache, from archive, q LockedSet, update bool, progress Progress) (LockedSet, error) {
	if s, ok := l.set(q); ok && !update {
		return s, nil
	}
	if len(q.Names) == 0 && len(q.Single) == 0 {
		return q, nil
	}
	progress.say("resolving %d packages in %s for %s", len(q.Names), q.Suite, q.Arch)
	unlock, err := c.lock(ctx, "apt")
	if err != nil {
		return q, err
	}
	defer unlock()
	if update {
		if err := from.Update(ctx); err != nil {
			return q, err
		}
	}
	if len(q.Names) > 0 {
		if q.Packages, err = from.Resolve(ctx, q.Names, q.Omit); err != nil {
			return q, err
		}
	}
	if len(q.Single) > 0 {
		if q.Singles, err = from.Single(ctx, q.Single); err != nil {
			return q, err
		}
	}
	l.putSet(q)
	return q, nil
}

// notePackages keeps why each package is there: the definition has it, or another one
// depends on it, on the shortest way from the definition.
func (t *Tree) notePackages(d *Definition, set []debian.Package, relations map[string]debian.Relations) {
	ways := map[string][]string{} // by what packages depend on: those of the set that are or provide it
	for _, p := range set {
		for _, name := range append(relations[p.Name].Provides, p.Name) {
			ways[name] = append(ways[name], p.Name)
		}
	}
	add := func(names []string, why string) (added []string) {
		for _, name := range names {
			if what := "package " + name; t.because[what] == "" {
				t.note(what, cmp.Or(d.Implied[name], why))
				added = append(added, name)
			}
		}
		return added
	}
	for next := add(sortedSet(d.Packages), "definition packages"); len(next) > 0; next = next[1:] {
		for _, need := range relations[next[0]].Depends {
			next = append(next, add(ways[need], "package "+next[0])...)
		}
	}
	for _, f := range d.From {
		add([]string{f.Package}, "definition [[from]]")
	}
}

// AddPackage adds the files of the .deb archive at file, which is package p,
// except those that only people read; modes and owners are the archive's. With
// only, just these files and what is in these folders is taken. A file outside of /usr/bin and the like
// keeps its place, but roots are usr-merged.
func (t *Tree) AddPackage(p debian.Package, file string, exclude, only []string) error {
	part := "package " + p.Name
	taken := map[string]bool{}
	err := debian.WalkFiles(file, func(h *tar.Header, r io.Reader) error {
		name := usrMerged(h.Name)
		if name == "/" || forReaders(name) || matchesAny(exclude, name) {
			return nil
		}
		chosen := func(o string) bool { o = usrMerged(o); return name == o || strings.HasPrefix(name, o+"/") }
		if only != nil && !slices.ContainsFunc(only, chosen) {
			return nil
		}
		taken[name] = true
		if old := t.Get(name); h.Typeflag == tar.TypeDir && old != nil && old.Part == "skeleton" {
			return nil
		}
		e, err := t.tarEntry(h, r)
		if err != nil {
			return err
		}
		e.Part, e.Rank = part, RankPackage
		return t.Put(name, e)
	})
	if err != nil {
		return err
	}
	for _, o := range only {
		if !taken[usrMerged(o)] {
			return fmt.Errorf("package %s %s has no file %s", p.Name, p.Version, o)
		}
	}
	return nil
}

// tarEntry turns a tar member into an entry. A hard link becomes a copy of
// what it links to.
func (t *Tree) tarEntry(h *tar.Header, r io.Reader) (Entry, error) {
	e := Entry{Mode: goMode(uint32(h.Mode)), UID: h.Uid, GID: h.Gid}
	switch h.Typeflag {
	case tar.TypeReg:
		data, err := io.ReadAll(r)
		if err != nil {
			return e, err
		}
		e.Data = data
	case tar.TypeDir:
		e.Mode |= fs.ModeDir
	case tar.TypeSymlink:
		e.Mode, e.Link = fs.ModeSymlink|0o777, h.Linkname
	case tar.TypeLink:
		to := t.Get(usrMerged(h.Linkname))
		if to == nil {
			return e, fmt.Errorf("%s: hard link to %s, which is not there", h.Name, h.Linkname)
		}
		e = *to
	case tar.TypeChar:
		e.Mode |= fs.ModeDevice | fs.ModeCharDevice
		e.Major, e.Minor = uint32(h.Devmajor), uint32(h.Devminor)
	case tar.TypeBlock:
		e.Mode |= fs.ModeDevice
		e.Major, e.Minor = uint32(h.Devmajor), uint32(h.Devminor)
	case tar.TypeFifo:
		e.Mode |= fs.ModeNamedPipe
	default:
		return e, fmt.Errorf("%s: tar member of unknown type %q", h.Name, h.Typeflag)
	}
	return e, nil
}

// usrMerged cleans p to an absolute path of a root whose /bin, /sbin, /lib and
// /lib64 are links into /usr.
func usrMerged(p string) string {
	p = path.Clean("/" + p)
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			return "/usr" + p
		}
	}
	return p
}

// forReaders tells the files that no program needs: documentation, manuals,
// translations, completions. Copyright files stay.
func forReaders(p string) bool {
	if ok, _ := path.Match("/usr/share/doc/*/copyright", p); ok {
		return false
	}
	for _, dir := range []string{"/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale",
		"/usr/share/lintian", "/usr/share/bash-completion", "/usr/share/zsh", "/usr/share/fish", "/usr/share/bug",
		"/usr/share/doc-base", "/usr/share/gtk-doc", "/usr/share/reportbug", "/usr/share/apport"} {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}

// matchesAny tells whether a glob matches p or a folder above it.
func matchesAny(globs []string, p string) bool {
	for ; p != "/"; p = path.Dir(p) {
		for _, g := range globs {
			if ok, _ := path.Match(g, p); ok {
				return true
			}
		}
	}
	return false
}
