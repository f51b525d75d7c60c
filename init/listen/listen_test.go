package listen

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

func at(kind, path string) plan.Listen {
	return plan.Listen{Kind: kind, At: plan.Address{Path: path}, Text: path}
}

func kindOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

// All that a unit may ask for at once, over what an earlier life has left; and
// gone again at its end.
func TestOpenAndClose(t *testing.T) {
	dir := t.TempDir()
	s := &plan.Socket{Mode: 0o640, DirectoryMode: 0o755, Backlog: 5, Remove: true, UID: os.Getuid(), GID: os.Getgid(), Symlinks: []string{dir + "/links/l"},
		Listen: []plan.Listen{at("stream", dir+"/sub/s"), at("datagram", dir+"/d"), at("seqpacket", dir+"/q"), at("fifo", dir+"/f"),
			at("stream", "@clarity-listen-test"), {Kind: "stream", At: plan.Address{IP: []byte{127, 0, 0, 1}}, Text: "any port"}}}
	for life := range 2 {
		fds, err := Open(s)
		if err != nil || len(fds) != len(s.Listen) {
			t.Fatalf("life %d: %d descriptors, %v", life+1, len(fds), err)
		}
		for path, want := range map[string]os.FileMode{"/sub/s": os.ModeSocket | 0o640, "/d": os.ModeSocket | 0o640, "/q": os.ModeSocket | 0o640, "/f": os.ModeNamedPipe | 0o640, "/links/l": os.ModeSymlink | 0o777} {
			if got := kindOf(t, dir+path); got != want {
				t.Errorf("%s is %v, want %v", path, got, want)
			}
		}
		for i, fd := range fds {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
				t.Errorf("%s blocks: %v", s.Listen[i].Text, err)
			}
			if life == 0 {
				unix.Close(fd) // as a crash leaves it
			}
		}
		if life == 1 {
			Close(s, fds)
		}
	}
	for _, path := range []string{"/sub/s", "/d", "/q", "/f", "/links/l"} {
		if kindOf(t, dir+path) != 0 {
			t.Errorf("%s is left", path)
		}
	}
}

// A file that is not ours stays, whatever the unit asks for and however far the
// opening got; nothing that was opened stays open.
func TestForeignFilesStay(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(s *plan.Socket, file string)
	}{
		{"where a socket is to be", func(s *plan.Socket, file string) { s.Listen = append(s.Listen, at("stream", file)) }},
		{"where a FIFO is to be", func(s *plan.Socket, file string) { s.Listen = append(s.Listen, at("fifo", file)) }},
		{"behind a line that fails", func(s *plan.Socket, file string) {
			s.Listen = append(s.Listen, at("stream", "/proc/none"), at("stream", file))
		}},
		{"where a link is to be", func(s *plan.Socket, file string) { s.Symlinks = []string{file} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := dir + "/precious"
			if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
				t.Fatal(err)
			}
			s := &plan.Socket{Mode: 0o600, DirectoryMode: 0o755, Remove: true, UID: os.Getuid(), GID: os.Getgid(), Listen: []plan.Listen{at("stream", dir+"/ours")}}
			c.set(s, file)
			fds, err := Open(s)
			if err == nil || fds != nil {
				t.Errorf("%v, %v", fds, err)
			}
			if b, err := os.ReadFile(file); string(b) != "data" {
				t.Errorf("the file holds %q, %v", b, err)
			}
			if kindOf(t, dir+"/ours") != 0 {
				t.Error("the socket that was made is left")
			}
		})
	}
}

func TestErrorNamesTheAddress(t *testing.T) {
	one, err := Open(&plan.Socket{Backlog: 1, Listen: []plan.Listen{at("stream", "@clarity-listen-twice")}})
	if err != nil {
		t.Fatal(err)
	}
	defer Close(&plan.Socket{}, one)
	_, err = Open(&plan.Socket{Backlog: 1, Listen: []plan.Listen{at("stream", "@clarity-listen-twice")}})
	if err == nil || !strings.Contains(err.Error(), "listen at @clarity-listen-twice: address already in use") {
		t.Errorf("%v", err)
	}
}
