package debian

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// deb makes a .deb that has data as its member called name.
func deb(name string, data []byte) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	member := func(name string, data []byte) {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", len(data))
		b.Write(data)
		if len(data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	member("debian-binary", []byte("2.0\n"))
	if !strings.HasPrefix(name, "control.") {
		member("control.tar.xz", []byte("odd"))
	}
	member(name, data)
	return b.Bytes()
}

func packed(t testing.TB, kind string) []byte {
	var plain, out bytes.Buffer
	w := tar.NewWriter(&plain)
	text := "hello"
	if err := w.WriteHeader(&tar.Header{Name: "./usr/bin/su", Mode: 0o4755, Size: int64(len(text)), Uid: 7}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text)
	w.Close()
	var z io.WriteCloser
	var err error
	switch kind {
	case "":
		return plain.Bytes()
	case ".gz":
		z = gzip.NewWriter(&out)
	case ".xz":
		z, err = xz.NewWriter(&out)
	case ".zst":
		z, err = zstd.NewWriter(&out)
	}
	if err != nil {
		t.Fatal(err)
	}
	z.Write(plain.Bytes())
	z.Close()
	return out.Bytes()
}

func TestWalkData(t *testing.T) {
	for _, kind := range []string{"", ".gz", ".xz", ".zst"} {
		var got []string
		err := walkMember(bytes.NewReader(deb("data.tar"+kind, packed(t, kind))), "data.tar", func(h *tar.Header, r io.Reader) error {
			text, err := io.ReadAll(r)
			got = append(got, fmt.Sprintf("%s %o %d %s", h.Name, h.Mode, h.Uid, text))
			return err
		})
		if want := "./usr/bin/su 4755 7 hello"; err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("data.tar%s: got %q, error %v; want %q", kind, got, err, want)
		}
	}
}

func TestReadRelations(t *testing.T) {
	var control bytes.Buffer
	w := tar.NewWriter(&control)
	for name, text := range map[string]string{"./md5sums": "0 usr/bin/p\n", "./control": "Package: p\nPre-Depends: init-tools\n" +
		"Depends: libc6 (>= 2.38), a:any | b(<< 2),\n c\nProvides: q (= 1), r\n"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, text)
	}
	w.Close()
	file := filepath.Join(t.TempDir(), "p.deb")
	if err := os.WriteFile(file, deb("control.tar", control.Bytes()), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRelations(file)
	want := Relations{Depends: []string{"init-tools", "libc6", "a", "b", "c"}, Provides: []string{"q", "r"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWalkDataRefuses(t *testing.T) {
	good := deb("data.tar", packed(t, ""))
	for _, test := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "not a Debian package", nil},
		{"something else", "not a Debian package", []byte("PK\x03\x04 and more")},
		{"cut in the control member", "member control.tar.xz", good[:8+60+4+60+2]},
		{"no data member", "it has no data.tar", good[:8+60+4+60+4]},
		{"cut in the data", "unexpected EOF", good[:len(good)-2000]},
		{"unknown compression", "unknown compression", deb("data.tar.lz4", nil)},
		{"damaged header", "damaged header", []byte("!<arch>\n" + strings.Repeat("x", 60))},
	} {
		err := walkMember(bytes.NewReader(test.file), "data.tar", func(_ *tar.Header, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

func FuzzWalkData(f *testing.F) {
	f.Add(deb("data.tar", packed(f, "")))
	f.Add(deb("data.tar.gz", packed(f, ".gz")))
	f.Fuzz(func(_ *testing.T, file []byte) {
		_ = walkMember(bytes.NewReader(file), "data.tar", func(_ *tar.Header, r io.Reader) error {
			_, err := io.CopyN(io.Discard, r, 1<<20)
			if err == io.EOF {
				err = nil
			}
			return err
		})
	})
}
