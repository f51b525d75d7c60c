package images

import (
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// accounts are the image's users and groups while they are put together.
type accounts struct {
	users  []account
	groups []accountGroup
	lock   *Lock
}

type account struct {
	name, gecos, home, shell string
	uid, gid                 int
}

type accountGroup struct {
	name    string
	gid     int
	members []string
}

// The users and groups that Debian guarantees on every system (Debian policy
// 9.2; their ids never change).
const (
	debianUsers = "root 0 0 /root /bin/sh\ndaemon 1 1 /usr/sbin /usr/sbin/nologin\nbin 2 2 /bin /usr/sbin/nologin\n" +
		"sys 3 3 /dev /usr/sbin/nologin\nsync 4 65534 /bin /bin/sync\ngames 5 60 /usr/games /usr/sbin/nologin\n" +
		"man 6 12 /var/cache/man /usr/sbin/nologin\nlp 7 7 /var/spool/lpd /usr/sbin/nologin\n" +
		"mail 8 8 /var/mail /usr/sbin/nologin\nnews 9 9 /var/spool/news /usr/sbin/nologin\n" +
		"uucp 10 10 /var/spool/uucp /usr/sbin/nologin\nproxy 13 13 /bin /usr/sbin/nologin\n" +
		"www-data 33 33 /var/www /usr/sbin/nologin\nbackup 34 34 /var/backups /usr/sbin/nologin\n" +
		"list 38 38 /var/list /usr/sbin/nologin\nirc 39 39 /run/ircd /usr/sbin/nologin\n" +
		"nobody 65534 65534 /nonexistent /usr/sbin/nologin\n"
	debianGroups = "root 0 daemon 1 bin 2 sys 3 adm 4 tty 5 disk 6 lp 7 mail 8 news 9 uucp 10 man 12 proxy 13 kmem 15 " +
		"dialout 20 fax 21 voice 22 cdrom 24 floppy 25 tape 26 sudo 27 audio 29 dip 30 www-data 33 backup 34 " +
		"operator 37 list 38 irc 39 src 40 shadow 42 utmp 43 video 44 sasl 45 plugdev 46 staff 50 games 60 users 100 nogroup 65534"
)

// readAccounts starts from the tree's own passwd and group if it has them,
// else from Debian's.
func readAccounts(t *Tree, lock *Lock) (*accounts, error) {
	a := &accounts{lock: lock}
	passwd, err := fs.ReadFile(t.FS(), "etc/passwd")
	if err != nil {
		for line := range strings.Lines(debianUsers) {
			f := strings.Fields(line)
			uid, _ := strconv.Atoi(f[1])
			gid, _ := strconv.Atoi(f[2])
			a.users = append(a.users, account{name: f[0], gecos: f[0], uid: uid, gid: gid, home: f[3], shell: f[4]})
		}
		f := strings.Fields(debianGroups)
		for i := 0; i < len(f); i += 2 {
			gid, _ := strconv.Atoi(f[i+1])
			a.groups = append(a.groups, accountGroup{name: f[i], gid: gid})
		}
		return a, nil
	}
	for line := range strings.Lines(string(passwd)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 7 {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("/etc/passwd: %q has no numeric ids", line)
		}
		a.users = append(a.users, account{name: f[0], uid: uid, gid: gid, gecos: f[4], home: f[5], shell: f[6]})
	}
	group, _ := fs.ReadFile(t.FS(), "etc/group")
	for line := range strings.Lines(string(group)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 4 {
			continue
		}
		gid, err := strconv.Atoi(f[2])
		if err != nil {
			return nil, fmt.Errorf("/etc/group: %q has no numeric id", line)
		}
		g := accountGroup{name: f[0], gid: gid}
		if f[3] != "" {
			g.members = strings.Split(f[3], ",")
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}

func (a *accounts) user(name string) *account {
	for i := range a.users {
		if a.users[i].name == name {
			return &a.users[i]
		}
	}
	return nil
}

func (a *accounts) group(name string) *accountGroup {
	for i := range a.groups {
		if a.groups[i].name == name {
			return &a.groups[i]
		}
	}
	return nil
}

// addGroup adds a group with the id gid, or a drawn one when gid is nil.
func (a *accounts) addGroup(name string, gid *int, system bool) (int, error) {
	if g := a.group(name); g != nil {
		if gid != nil && *gid != g.gid {
			return 0, fmt.Errorf("group %s: it has the id %d already, %d is asked for", name, g.gid, *gid)
		}
		return g.gid, nil
	}
	id, err := a.draw(name, gid, system, a.lock.Groups, func(id int) bool {
		return slices.ContainsFunc(a.groups, func(g accountGroup) bool { return g.gid == id })
	})
	if err != nil {
		return 0, fmt.Errorf("group %s: %w", name, err)
	}
	a.groups = append(a.groups, accountGroup{name: name, gid: id})
	return id, nil
}

// addUser adds u; its uid is drawn when uid is nil.
func (a *accounts) addUser(u account, uid *int, system bool) error {
	if old := a.user(u.name); old != nil {
		if uid != nil && *uid != old.uid {
			return fmt.Errorf("user %s: it has the id %d already, %d is asked for", u.name, old.uid, *uid)
		}
		return nil
	}
	id, err := a.draw(u.name, uid, system, a.lock.Users, func(id int) bool {
		return slices.ContainsFunc(a.users, func(o account) bool { return o.uid == id })
	})
	if err != nil {
		return fmt.Errorf("user %s: %w", u.name, err)
	}
	u.uid = id
	a.users = append(a.users, u)
	return nil
}

// draw returns a fixed id, the pinned one, or the next free one: system ids
// from 999 down to 100, others from 1000 up. Ids pinned for another name are
// not free.
func (a *accounts) draw(name string, fixed *int, system bool, pins map[string]int, used func(int) bool) (int, error) {
	if fixed != nil {
		if used(*fixed) {
			return 0, fmt.Errorf("the id %d belongs to another already", *fixed)
		}
		return *fixed, nil
	}
	if id, ok := pins[name]; ok {
		if used(id) {
			return 0, fmt.Errorf("the lock pins the id %d, which belongs to another now; give one of them a fixed id", id)
		}
		return id, nil
	}
	pinned := map[int]bool{}
	for _, id := range pins {
		pinned[id] = true
	}
	id, step, end := 1000, 1, 60000
	if system {
		id, step, end = 999, -1, 99
	}
	for ; id != end; id += step {
		if !used(id) && !pinned[id] {
			pins[name] = id
			return id, nil
		}
	}
	return 0, fmt.Errorf("no id is free")
}

// write puts passwd, group, shadow and gshadow into the tree. Nobody has a
// password: "*" allows a login by key but by no password.
func (a *accounts) write(t *Tree) error {
	sort.SliceStable(a.users, func(i, j int) bool { return a.users[i].uid < a.users[j].uid })
	sort.SliceStable(a.groups, func(i, j int) bool { return a.groups[i].gid < a.groups[j].gid })
	var passwd, shadow, group, gshadow strings.Builder
	for _, u := range a.users {
		fmt.Fprintf(&passwd, "%s:x:%d:%d:%s:%s:%s\n", u.name, u.uid, u.gid, u.gecos, u.home, u.shell)
		fmt.Fprintf(&shadow, "%s:*:::::::\n", u.name)
	}
	for _, g := range a.groups {
		fmt.Fprintf(&group, "%s:x:%d:%s\n", g.name, g.gid, strings.Join(g.members, ","))
		fmt.Fprintf(&gshadow, "%s:*::%s\n", g.name, strings.Join(g.members, ","))
	}
	for _, f := range []struct {
		name string
		text string
		mode fs.FileMode
		gid  int
	}{{"passwd", passwd.String(), 0o644, 0}, {"group", group.String(), 0o644, 0},
		{"shadow", shadow.String(), 0o640, 42}, {"gshadow", gshadow.String(), 0o640, 42}} {
		t.Remove("etc/" + f.name)
		err := t.Put("etc/"+f.name, Entry{Mode: f.mode, GID: f.gid, Data: []byte(f.text), Part: "users", Rank: RankDefinition})
		if err != nil {
			return err
		}
	}
	return nil
}
