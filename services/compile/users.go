package compile

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// users is what /etc/passwd and /etc/group of the root say.
type users struct {
	byName map[string]account
	groups map[string]group
}

type account struct {
	uid, gid    int
	home, shell string
}

type group struct {
	gid     int
	members []string
}

func readUsers(root fs.FS) (users, error) {
	u := users{map[string]account{"root": {0, 0, "/root", "/bin/sh"}}, map[string]group{"root": {}}}
	err := lines(root, "etc/passwd", 7, func(f []string) error {
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		u.byName[f[0]] = account{uid, gid, f[5], f[6]}
		return errors.Join(err1, err2)
	})
	if err != nil {
		return u, err
	}
	return u, lines(root, "etc/group", 4, func(f []string) error {
		gid, err := strconv.Atoi(f[2])
		u.groups[f[0]] = group{gid, strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' })}
		return err
	})
}

// lines hands the colon-separated fields of each line to row. A file that does
// not exist has no lines.
func lines(root fs.FS, name string, fields int, row func([]string) error) error {
	text, err := fs.ReadFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, l := range strings.Split(string(text), "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		f := strings.Split(l, ":")
		if len(f) != fields {
			return fmt.Errorf("/%s:%d: %d fields where there should be %d", name, i+1, len(f), fields)
		}
		if err := row(f); err != nil {
			return fmt.Errorf("/%s:%d: %w", name, i+1, err)
		}
	}
	return nil
}

// user resolves a name or number.
func (u users) user(name string) (account, error) {
	if a, ok := u.byName[name]; ok {
		return a, nil
	}
	if uid, err := strconv.Atoi(name); err == nil && uid >= 0 {
		for _, a := range u.byName {
			if a.uid == uid {
				return a, nil
			}
		}
		return account{uid: uid, gid: uid, home: "/", shell: "/bin/sh"}, nil
	}
	return account{}, fmt.Errorf("user %q does not exist in /etc/passwd", name)
}

// group resolves a name or number.
func (u users) group(name string) (int, error) {
	if g, ok := u.groups[name]; ok {
		return g.gid, nil
	}
	if gid, err := strconv.Atoi(name); err == nil && gid >= 0 {
		return gid, nil
	}
	return 0, fmt.Errorf("group %q does not exist in /etc/group", name)
}

// memberships lists the ids of the groups that name is a member of.
func (u users) memberships(name string) []int {
	var ids []int
	for _, g := range u.groups {
		for _, m := range g.members {
			if m == name {
				ids = append(ids, g.gid)
			}
		}
	}
	return ids
}
