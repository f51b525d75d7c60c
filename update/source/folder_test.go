package source

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"clarityos/update/trust"

	"golang.org/x/sys/unix"
)

// repository writes one with the file, and gives its path.
func repository(t *testing.T) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "r")
	if err := os.MkdirAll(filepath.Join(at, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"data/file": file, "data/empty": nil, "root.json": []byte("{}")} {
		if err := os.WriteFile(filepath.Join(at, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func open(t *testing.T, where string, o Options) Source {
	t.Helper()
	s, err := Open(where, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// What any source at hand does.
func testLocal(t *testing.T, where string) {
	fetched := int64(0)
	s := open(t, where, Options{Fetched: func(n int64) { fetched += n }})
	if s.String() != where {
		t.Errorf("it is at %s, not %s", s, where)
	}
	ranges := []Range{{0, 10}, {10, 20}, {100_000, MaxRange / 2}, {1<<20 - 1, 1}}
	for _, r := range [][]Range{nil, {}, ranges} {
		fetched = 0
		got, err := read(t.Context(), s, r)
		if want := parted(r); err != nil || !bytes.Equal(got, want) || fetched != int64(len(want)) {
			t.Errorf("%v: %d bytes, %d fetched, %v", r, len(got), fetched, err)
		}
	}
	if got, err := s.Get(t.Context(), "data/empty", 0); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := s.Get(t.Context(), "root.json", 2); err != nil || string(got) != "{}" {
		t.Errorf("%q, %v", got, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	nothing := func(int, []byte) error { return nil }
	mine := errors.New("mine")
	for what, c := range map[string]struct {
		do   func() error
		want error
	}{
		"a file that is larger":       {func() error { _, err := s.Get(t.Context(), "root.json", 1); return err }, trust.ErrTooLarge},
		"a file that is not there":    {func() error { _, err := s.Get(t.Context(), "root", 1); return err }, fs.ErrNotExist},
		"nor its ranges":              {func() error { return s.ReadRanges(t.Context(), "root", ranges, nothing) }, fs.ErrNotExist},
		"a file in a file":            {func() error { _, err := s.Get(t.Context(), "root.json/x", 1); return err }, fs.ErrNotExist},
		"a range that ends outside":   {func() error { return s.ReadRanges(t.Context(), "root.json", []Range{{0, 3}}, nothing) }, ErrOutside},
		"a range that begins outside": {func() error { return s.ReadRanges(t.Context(), "root.json", []Range{{1 << 62, 3}}, nothing) }, ErrOutside},
		"stopped":                     {func() error { _, err := s.Get(stopped, "root.json", 2); return err }, context.Canceled},
		"stopped ranges":              {func() error { return s.ReadRanges(stopped, "data/file", ranges, nothing) }, context.Canceled},
	} {
		if err := c.do(); !errors.Is(err, c.want) || !strings.Contains(err.Error(), " of "+where+": ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.ReadRanges(t.Context(), "data/file", ranges, func(int, []byte) error { return mine }); err != mine {
		t.Errorf("each said %v", err)
	}
	if err := s.ReadRanges(t.Context(), "data/file", []Range{{9, 1}, {0, 1}}, nothing); err == nil {
		t.Error("ranges backwards")
	}
	for what, name := range tricks {
		if _, err := s.Get(t.Context(), name, 1<<20); err == nil {
			t.Errorf("get of %s (%q)", what, name)
		}
		if err := s.ReadRanges(t.Context(), name, []Range{{0, 1}}, nothing); err == nil {
			t.Errorf("ranges of %s (%q)", what, name)
		}
	}
}

func TestFolder(t *testing.T) { testLocal(t, repository(t)) }

// What is in a folder that no repository has: none of it is read, and nothing is waited for.
func TestFolderTricks(t *testing.T) {
	at := repository(t)
	outside := filepath.Join(filepath.Dir(at), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"absolute": outside, "relative": "../secret", "folder": "..", "deep": "data/../../secret", "loop": "loop",
		"dangling": "nowhere", "chain": "relative", "device": "/dev/zero", "within": "data/../root.json"} {
		if err := os.Symlink(to, filepath.Join(at, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(at, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mknod(filepath.Join(at, "socket"), unix.S_IFSOCK|0o600, 0); err != nil {
		t.Fatal(err)
	}
	s := open(t, at, Options{})
	for _, name := range []string{"absolute", "relative", "folder", "folder/secret", "deep", "loop", "chain", "device", "fifo", "socket", "data"} {
		got, err := s.Get(t.Context(), name, 100)
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, trust.ErrTooLarge) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := s.ReadRanges(t.Context(), name, []Range{{0, 1}}, func(_ int, part []byte) error { return nil }); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
	if _, err := s.Get(t.Context(), "dangling", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dangling: %v", err)
	}
	if got, err := s.Get(t.Context(), "within", 100); err != nil || string(got) != "{}" {
		t.Errorf("a link within the folder: %q, %v", got, err)
	}
}

func TestOpen(t *testing.T) {
	at := repository(t)
	fifo, text := filepath.Join(at, "fifo"), filepath.Join(at, "root.json")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		where string
		o     Options
		want  string
	}{
		"nothing":                  {"", Options{}, "check the path"},
		"nothing there":            {at + "/no", Options{}, "whether the medium is mounted"},
		"a FIFO":                   {fifo, Options{}, "neither a folder nor a bundle"},
		"no bundle":                {text, Options{}, "it is cut off"},
		"another scheme":           {"ftp://host/r", Options{}, "only http and https are known"},
		"a file's URL":             {"file:///r", Options{}, "only http and https are known"},
		"no host":                  {"http:///r", Options{}, "a URL with a host"},
		"a query":                  {"http://host/r?x", Options{}, "nothing after it"},
		"a fragment":               {"http://host/r#x", Options{}, "nothing after it"},
		"no URL":                   {"http://ho st/", Options{}, "invalid character"},
		"a proxy's scheme":         {"http://host/r", Options{Proxy: "ftp://proxy"}, "http, https or socks5"},
		"a proxy without a host":   {"http://host/r", Options{Proxy: "http:///"}, "no host"},
		"no proxy":                 {"http://host/r", Options{Proxy: "http://%"}, "proxy: parse"},
		"roots that are not there": {"https://host/r", Options{Roots: at + "/no"}, "read root certificates"},
		"roots without any":        {"https://host/r", Options{Roots: text}, "has none in PEM"},
		"less than no bandwidth":   {"https://user:word@host/r", Options{BytesPerSecond: -1}, "https://user:xxxxx@host/r: a limit of -1 bytes"},
	} {
		if s, err := Open(c.where, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", what, s, err)
		}
	}
	if s := open(t, "HTTPS://user:word@host/r", Options{Proxy: "socks5://p:1080"}); s.String() != "https://user:xxxxx@host/r" {
		t.Error(s)
	}
}
