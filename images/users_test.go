package images

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func newAccounts(t *testing.T, lock *Lock) *accounts {
	t.Helper()
	a, err := readAccounts(NewTree(), lock)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func emptyLock() *Lock { return &Lock{Users: map[string]int{}, Groups: map[string]int{}} }

// line is the one line of a file of the tree that starts with name.
func line(t *testing.T, tree *Tree, file, name string) string {
	t.Helper()
	text, err := fs.ReadFile(tree.FS(), file)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if strings.HasPrefix(l, name+":") {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func TestUsersOfADefinition(t *testing.T) {
	id := func(n int) *int { return &n }
	lock := emptyLock()
	a := newAccounts(t, lock)
	d := &Definition{
		Name: "x", Memory: 64, CPUs: 1,
		Groups: []GroupDef{{Name: "web", GID: id(700)}},
		Users: []UserDef{
			{Name: "redis", System: true},
			{Name: "ann", Groups: []string{"web", "adm"}, AuthorizedKeys: []string{"ssh-ed25519 AAAA ann"}},
			{Name: "fixed", UID: id(2000), Group: "web"},
		},
	}
	d.complete()
	tree := NewTree()
	if err := d.addAccounts(a); err != nil {
		t.Fatal(err)
	}
	if err := d.addContent(tree, a); err != nil {
		t.Fatal(err)
	}
	if err := a.write(tree); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, name, want string }{
		{"etc/passwd", "www-data", "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin"},
		{"etc/passwd", "redis", "redis:x:999:999::/nonexistent:/usr/sbin/nologin"},
		{"etc/passwd", "ann", "ann:x:1000:1000::/home/ann:/bin/sh"},
		{"etc/passwd", "fixed", "fixed:x:2000:700::/home/fixed:/bin/sh"},
		{"etc/group", "adm", "adm:x:4:ann"},
		{"etc/group", "web", "web:x:700:ann"},
		{"etc/shadow", "ann", "ann:*:::::::"},
	} {
		if got := line(t, tree, test.file, test.name); got != test.want {
			t.Errorf("/%s: got %q, want %q", test.file, got, test.want)
		}
	}
	keys := tree.Get("home/ann/.ssh/authorized_keys")
	if keys == nil || keys.Mode != 0o600 || keys.UID != 1000 || string(keys.Data) != "ssh-ed25519 AAAA ann\n" {
		t.Errorf("ann's keys: %+v", keys)
	}
	if diff := cmp.Diff(map[string]int{"redis": 999, "ann": 1000}, lock.Users); diff != "" {
		t.Errorf("pinned users (-want +got):\n%s", diff)
	}
}

// A drawn id stays, also when users before it come and go.
func TestIDsArePinned(t *testing.T) {
	lock := emptyLock()
	for _, users := range [][]string{{"a", "b"}, {"b"}, {"c", "b"}, {"c", "b", "a"}} {
		a := newAccounts(t, lock)
		for _, name := range users {
			if err := a.addUser(account{name: name}, nil, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"a": 999, "b": 998, "c": 997}, lock.Users); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
	seven := 33
	err := newAccounts(t, lock).addUser(account{name: "d"}, &seven, true)
	if err == nil || err.Error() != "user d: the id 33 belongs to another already" {
		t.Errorf("an id twice: %v", err)
	}
}

func TestSysusers(t *testing.T) {
	a := newAccounts(t, emptyLock())
	err := a.addSysusers(fstest.MapFS{
		"usr/lib/sysusers.d/10.conf":    {Data: []byte("# comment\nu sshd - \"sshd user\" /run/sshd\nu! fixed 150:adm - /srv /bin/sh\nm fixed www-data\n")},
		"usr/lib/sysusers.d/20.conf":    {Data: []byte("g wheel 33\nu www-data 5\n")},
		"usr/lib/sysusers.d/hidden.d":   {Data: []byte("u no\n")},
		"usr/lib/sysusers.d/other.conf": {Data: []byte("u hidden -\n")},
		"etc/sysusers.d/other.conf":     {Data: []byte("g shown 77\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if u := a.user("sshd"); u == nil || *u != (account{"sshd", "sshd user", "/run/sshd", "/usr/sbin/nologin", 999, a.group("sshd").gid}) {
		t.Errorf("sshd: %+v", u)
	}
	if u := a.user("fixed"); u == nil || u.uid != 150 || u.gid != 4 || u.shell != "/bin/sh" {
		t.Errorf("fixed: %+v", u)
	}
	if g := a.group("wheel"); g == nil || g.gid == 33 {
		t.Errorf("a group whose id is taken gets another: %+v", g)
	}
	if a.user("www-data").uid != 33 || a.user("hidden") != nil || a.group("shown").gid != 77 {
		t.Errorf("users: %+v", a.users)
	}
	if diff := cmp.Diff([]string{"fixed"}, a.group("www-data").members); diff != "" {
		t.Errorf("members of www-data (-want +got):\n%s", diff)
	}
	err = a.addSysusers(fstest.MapFS{"etc/sysusers.d/x.conf": {Data: []byte("\nm ghost adm\n")}})
	if err == nil || err.Error() != "/etc/sysusers.d/x.conf:2: group adm: there is no user ghost" {
		t.Errorf("an unknown member: %v", err)
	}
}
