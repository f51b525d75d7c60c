//go:build full

package updatetest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"clarityos/qemu"
)

// A web server that breaks each answer off, and an updater that is killed again and again, only
// make an update take longer; with a full /var it says so, and waits for room. The machine does
// not know what day it is.
func TestAttacked(t *testing.T) {
	p := newPublisher(t)
	var broken atomic.Int64
	p.URL = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".pack") {
			broken.Add(1)
			w = &breaking{w, 700 << 10}
		}
		http.FileServer(http.Dir(p.Dir)).ServeHTTP(w, r)
	}))
	m := machine(t, p.image(t, "1.0.0"), "-rtc", "base=2001-02-03T04:05:06")
	noise := filepath.Join(t.TempDir(), "noise.toml")
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(noise), "blob"), program[:min(len(program), 12<<20)], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(noise, []byte("[[file]]\npath = \"/usr/share/blob\"\nsource = \""+filepath.Join(filepath.Dir(noise), "blob")+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.offer(t, p.image(t, "1.1.0", noise))
	m.MustShell(limit, "dd if=/dev/zero of=/var/full bs=65536 2>/dev/null; sync")
	m.MustShell(limit, "clarityctl update install >/run/install 2>&1 &")
	m.Must(limit, m.Prints("cat /run/install", qemu.Has("no space left on device; it is tried again")))
	m.MustShell(limit, "rm /var/full; sync")
	const kills = 5
	for range kills {
		m.Must(limit, m.Prints("clarityctl update status", qemu.Has("% written to slot b")))
		m.Must(limit, m.Prints("clarityctl kill -s KILL clarity-update && echo killed", qemu.Has("killed")))
	}
	m.Must(patience, m.Prints("clarityctl update status", qemu.Has("1.1.0 is in slot b; `clarityctl reboot` starts it")))
	restart(t, m)
	m.Must(patience, m.Prints("clarityctl update history", qemu.Has("good      1.1.0 after 1.0.0")))
	t.Logf("killed %d times, and %d answers were broken off", kills, broken.Load())
	if broken.Load() < kills {
		t.Error("hardly an answer was broken off")
	}
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.1.0", "slot b: good, runs, default")))
}

// breaking ends an answer, and the connection, after so many bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return b.ResponseWriter.Write(p)
}
