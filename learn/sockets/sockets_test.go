package sockets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// proc makes a /proc of texts; those that begin with "->" are links.
func proc(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if to, link := strings.CutPrefix(text, "->"); err == nil && link {
			err = os.Symlink(to, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestListening(t *testing.T) {
	const tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	dir := proc(t, map[string]string{
		"1/net/tcp": tcp +
			"   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 11 1 x 100 0 0 10 0\n" +
			"   1: 0100007F:18EB 0100007F:9999 01 00000000:00000000 00:00000000 00000000   101        0 12 1 x 100 0 0 10 0\n" +
			"   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 x 100 0 0 10 0\n",
		"1/net/tcp6": tcp + "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 14 1 x 100 0 0 10 0\n",
		"1/net/udp":  tcp + "   0: 0F02000A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 15 2 x 0\n",
		"1/net/unix": "Num       RefCount Protocol Flags    Type St Inode Path\n" +
			"x: 00000002 00000000 00010000 0001 01 16 /run/db.sock\n" +
			"x: 00000003 00000000 00000000 0001 03 17 /run/db.sock\n" +
			"x: 00000002 00000000 00000000 0002 01 18 @datagrams\n" +
			"x: 00000002 00000000 00000000 0002 01 19\n",
		"1/cgroup": "0::/init.scope\n", "1/fd/3": "->socket:[13]",
		"20/cgroup": "0::/system.slice/db.service\n", "20/fd/0": "->/dev/null", "20/fd/1": "->socket:[11]", "20/fd/2": "->socket:[16]", "20/fd/3": "->socket:[17]", "20/fd/4": "->socket:[12]",
		"21/cgroup": "0::/system.slice/db.service\n", "21/fd/1": "->socket:[11]",
		"22/cgroup": "0::/system.slice/ssh.service\n", "22/fd/3": "->socket:[13]", "22/fd/4": "->socket:[14]", "22/fd/5": "->socket:[15]", "22/fd/6": "->socket:[18]", "22/fd/7": "->socket:[19]",
		"23/cgroup": "0::/\n", "23/fd/1": "->socket:[15]",
		"self/cgroup": "0::/system.slice/x.service\n",
	})
	held, err := Listening(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range held {
		got = append(got, h.Unit+" "+string(h.Endpoint))
	}
	slices.Sort(got)
	want := []string{"db.service tcp:127.0.0.1:6379", "db.service unix:/run/db.sock", "ssh.service tcp:0.0.0.0:22", "ssh.service tcp:[::]:80",
		"ssh.service udp:10.0.2.15:53", "ssh.service unix:@datagrams"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestConnected(t *testing.T) {
	const tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	dir := proc(t, map[string]string{
		"1/net/tcp": tcp +
			"   0: 00000000:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 11 1 x 100 0 0 10 0\n" +
			"   1: 0100007F:18EB 0100007F:9999 01 00000000:00000000 00:00000000 00000000   101        0 12 1 x 100 0 0 10 0\n" +
			"   2: 0100007F:9999 0100007F:18EB 01 00000000:00000000 00:00000000 00000000   101        0 13 1 x 100 0 0 10 0\n" +
			"   3: 0F02000A:9998 08080808:0035 01 00000000:00000000 00:00000000 00000000   101        0 14 1 x 100 0 0 10 0\n",
		"20/cgroup": "0::/system.slice/db.service\n", "20/fd/1": "->socket:[11]", "20/fd/2": "->socket:[12]", "20/fd/3": "->socket:[21]", "20/fd/4": "->socket:[23]",
		"21/cgroup": "0::/system.slice/web.service\n", "21/fd/1": "->socket:[13]", "21/fd/2": "->socket:[14]", "21/fd/3": "->socket:[22]", "21/fd/4": "->socket:[24]", "21/fd/5": "->socket:[27]", "21/fd/6": "->socket:[25]",
	})
	held, err := Connected(os.DirFS(dir), []Connection{{21, 22, "/run/db.sock"}, {22, 21, ""}, {23, 24, "@db"}, {24, 23, ""}, {26, 27, "@db"}, {27, 26, "@web"}, {25, 99, ""}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range held {
		got = append(got, h.Unit+" "+string(h.Endpoint))
	}
	slices.Sort(got)
	want := []string{"web.service tcp:127.0.0.1:6379", "web.service unix:/run/db.sock", "web.service unix:@db"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
