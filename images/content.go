package images

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// addAccounts adds the definition's groups and users.
func (d *Definition) addAccounts(a *accounts) error {
	for _, g := range d.Groups {
		if _, err := a.addGroup(g.Name, g.GID, true); err != nil {
			return err
		}
	}
	for _, u := range d.Users {
		if u.Name == "root" || a.user(u.Name) != nil {
			continue // only keys, groups and a home of one that is there
		}
		var wish *int
		if u.Group == u.Name && u.UID != nil && a.free(u.UID, true) != nil {
			wish = u.UID
		}
		gid, err := a.addGroup(u.Group, wish, u.System)
		if err != nil {
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
		err = a.addUser(account{name: u.Name, gid: gid, home: u.Home, shell: u.Shell}, u.UID, u.System)
		if err != nil {
			return err
		}
	}
	for _, u := range d.Users {
		for _, g := range u.Groups {
			if err := a.addMember(u.Name, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// addContent adds the definition's folders, files, links, units and keys.
func (d *Definition) addContent(t *Tree, a *accounts) error {
	for _, f := range d.Dirs {
		mode, _ := parseMode(f.Mode, 0o755)
		owner := f.Owner
		if f.Group != "" {
			owner = strings.SplitN(owner, ":", 2)[0] + ":" + f.Group
		}
		uid, gid, err := a.owner(owner)
		if err != nil {
			return fmt.Errorf("directory %s: %w", f.Path, err)
		}
		err = t.Put(usrMerged(f.Path), Entry{Mode: fs.ModeDir | goMode(mode), UID: uid, GID: gid, Part: "definition [[directory]]", Rank: RankDefinition})
		if err != nil {
			return err
		}
	}
	for _, f := range d.Files {
		if err := d.addFile(t, a, f); err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	for _, l := range d.Links {
		if err := t.Symlink("definition [[link]]", RankDefinition, usrMerged(l.Path), l.Target); err != nil {
			return err
		}
	}
	const dir = "/etc/systemd/system/"
	for _, u := range d.UnitDefs {
		if err := d.addText(t, "[[unit]]", "unit "+u.Name, dir+u.Name, u.Content, u.Source); err != nil {
			return err
		}
	}
	for _, u := range d.DropIns {
		if err := d.addText(t, "[[dropin]]", "drop-in of "+u.Unit, dir+u.Unit+".d/"+u.Name, u.Content, u.Source); err != nil {
			return err
		}
	}
	return d.addKeys(t, a)
}

func (d *Definition) addText(t *Tree, key, what, p, content, source string) error {
	if source != "" {
		text, err := os.ReadFile(d.local(source))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		content = string(text)
	}
	return t.File("definition "+key, RankDefinition, p, 0o644, []byte(content))
}

// local is a path of the definition on this machine.
func (d *Definition) local(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.Dir, p)
}

func (d *Definition) addFile(t *Tree, a *accounts, f FileDef) error {
	uid, gid, err := a.owner(f.Owner)
	if err != nil {
		return err
	}
	base := Entry{UID: uid, GID: gid, Part: "definition [[file]]", Rank: RankDefinition}
	if f.Content != nil {
		mode, _ := parseMode(f.Mode, 0o644)
		base.Mode, base.Data = goMode(mode), []byte(*f.Content)
		return t.Put(usrMerged(f.Path), base)
	}
	return addLocal(t, usrMerged(f.Path), d.local(f.Source), f.Mode, base)
}

// addLocal adds the file or folder source at p. Owners are e's; modes are
// 0755 for what can be executed and folders and 0644 for the rest, whatever the
// umask was when they were checked out, unless mode says otherwise for files.
func addLocal(t *Tree, p, source, mode string, e Entry) error {
	root, err := os.Stat(source)
	if err != nil {
		return err
	}
	return filepath.WalkDir(source, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, name)
		if err != nil {
			return err
		}
		e := e
		switch {
		case name == source && !root.IsDir():
			e.Source, e.Mode = name, plainMode(root)
		case d.IsDir():
			e.Mode = fs.ModeDir | 0o755
		case d.Type()&fs.ModeSymlink != 0:
			e.Mode = fs.ModeSymlink | 0o777
			if e.Link, err = os.Readlink(name); err != nil {
				return err
			}
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return err
			}
			e.Source, e.Mode = name, plainMode(info)
		default:
			return fmt.Errorf("%s is neither a file, a folder nor a link", name)
		}
		if mode != "" && e.Mode.IsRegular() {
			m, err := parseMode(mode, 0)
			if err != nil {
				return err
			}
			e.Mode = goMode(m)
		}
		return t.Put(path.Join(p, filepath.ToSlash(rel)), e)
	})
}

func plainMode(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

// addKeys writes the users' authorized_keys and makes the homes of the
// definition's people.
func (d *Definition) addKeys(t *Tree, a *accounts) error {
	for _, u := range d.Users {
		acc := a.user(u.Name)
		e := Entry{UID: acc.uid, GID: acc.gid, Part: "definition [[user]]", Rank: RankDefinition}
		if u.Name != "root" && !u.System {
			e.Mode = fs.ModeDir | 0o755
			if err := t.Put(acc.home, e); err != nil {
				return err
			}
		}
		if len(u.AuthorizedKeys) == 0 {
			continue
		}
		e.Mode = fs.ModeDir | 0o700
		if err := t.Put(path.Join(acc.home, ".ssh"), e); err != nil {
			return err
		}
		e.Mode, e.Data = 0o600, []byte(strings.Join(u.AuthorizedKeys, "\n")+"\n")
		if err := t.Put(path.Join(acc.home, ".ssh/authorized_keys"), e); err != nil {
			return err
		}
	}
	return nil
}

// owner reads "", USER or USER:GROUP; with USER alone the group is the user's.
func (a *accounts) owner(s string) (uid, gid int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	user, group, both := strings.Cut(s, ":")
	if user == "" {
		user = "root"
	}
	u := a.user(user)
	if u == nil {
		return 0, 0, fmt.Errorf("there is no user %s; define it with [[user]]", user)
	}
	if !both {
		return u.uid, u.gid, nil
	}
	g := a.group(group)
	if g == nil {
		return 0, 0, fmt.Errorf("there is no group %s; define it with [[group]]", group)
	}
	return u.uid, g.gid, nil
}

// authorize lets the holders of keys log in as root.
func (d *Definition) authorize(keys []string) {
	for i := range d.Users {
		if u := &d.Users[i]; u.Name == "root" {
			u.AuthorizedKeys = append(u.AuthorizedKeys, keys...)
			return
		}
	}
	d.Users = append(d.Users, UserDef{Name: "root", AuthorizedKeys: keys})
}
