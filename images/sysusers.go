package images

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// addSysusers adds what the tree's sysusers.d files ask for (sysusers.d(5):
// lines of type u, g and m). A file in /etc hides the one of its name in /usr.
func (a *accounts) addSysusers(fsys fs.FS) error {
	files := map[string]string{}
	for _, dir := range []string{"usr/lib/sysusers.d", "etc/sysusers.d"} {
		list, _ := fs.ReadDir(fsys, dir)
		for _, f := range list {
			if strings.HasSuffix(f.Name(), ".conf") {
				files[f.Name()] = path.Join(dir, f.Name())
			}
		}
	}
	var names []string
	for n := range files {
		names = append(names, n)
	}
	sort.Strings(names)
	// Groups first, then users, then memberships, as systemd does it.
	for _, kinds := range []string{"g", "u", "m"} {
		for _, n := range names {
			text, err := fs.ReadFile(fsys, files[n])
			if err != nil {
				return fmt.Errorf("read /%s: %w", files[n], err)
			}
			number := 0
			for line := range strings.Lines(string(text)) {
				number++
				f := quotedFields(line)
				if len(f) < 2 || !strings.HasPrefix(f[0], kinds) {
					continue
				}
				if err := a.sysuser(f); err != nil {
					return fmt.Errorf("/%s:%d: %w", files[n], number, err)
				}
			}
		}
	}
	return nil
}

// sysuser applies one line: type, name, id, gecos, home, shell.
func (a *accounts) sysuser(f []string) error {
	for len(f) < 6 {
		f = append(f, "-")
	}
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	switch f[0][0] {
	case 'g':
		id, _ := sysuserID(f[2])
		_, err := a.addGroup(f[1], a.free(id, true), true)
		return err
	case 'u':
		id, group := sysuserID(f[2])
		u := account{name: f[1], gecos: f[3], home: f[4], shell: f[5]}
		if u.home == "" {
			u.home = "/"
		}
		if u.shell == "" {
			u.shell = "/usr/sbin/nologin"
		}
		var err error
		switch g := a.group(group); {
		case group == "":
			u.gid, err = a.addGroup(f[1], a.free(id, true), true)
		case g != nil:
			u.gid = g.gid
		default:
			if u.gid, err = strconv.Atoi(group); err != nil {
				return fmt.Errorf("user %s: there is no group %s", f[1], group)
			}
		}
		if err != nil {
			return err
		}
		return a.addUser(u, a.free(id, false), true)
	case 'm':
		return a.addMember(f[1], f[2])
	}
	return nil
}

func (a *accounts) addMember(user, group string) error {
	if a.user(user) == nil {
		return fmt.Errorf("group %s: there is no user %s", group, user)
	}
	if _, err := a.addGroup(group, nil, true); err != nil {
		return err
	}
	g := a.group(group)
	if !slices.Contains(g.members, user) {
		g.members = append(g.members, user)
	}
	return nil
}

// free drops a wished id that another has: sysusers.d then draws one.
func (a *accounts) free(id *int, group bool) *int {
	if id == nil {
		return nil
	}
	for _, u := range a.users {
		if !group && u.uid == *id {
			return nil
		}
	}
	for _, g := range a.groups {
		if group && g.gid == *id {
			return nil
		}
	}
	return id
}

// sysuserID reads "", "id" or "id:group"; a path, whose owner is meant, counts
// as no wish.
func sysuserID(s string) (id *int, group string) {
	s, group, _ = strings.Cut(s, ":")
	if n, err := strconv.Atoi(s); err == nil {
		return &n, group
	}
	return nil, group
}

// quotedFields splits a line at blanks outside of quotes; a comment is empty.
func quotedFields(line string) []string {
	var fields []string
	var cur strings.Builder
	quote, in := rune(0), false
	for _, r := range strings.TrimSpace(line) {
		switch {
		case r == '#' && len(fields) == 0 && !in:
			return nil
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				fields = append(fields, cur.String())
			}
			cur.Reset()
			in = false
		default:
			cur.WriteRune(r)
			in = true
		}
	}
	if in {
		fields = append(fields, cur.String())
	}
	return fields
}
