package source

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"
)

func mapped(files map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o600, ModTime: time.Unix(5, 0)}
	}
	return all
}

// bundled gives the bundle of some files.
func bundled(t interface{ Fatal(...any) }, files map[string]string) []byte {
	var b bytes.Buffer
	if err := WriteBundle(&b, mapped(files), slices.Collect(maps.Keys(files))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The bundle of the repository's files behaves as its folder does.
func TestBundle(t *testing.T) {
	var b bytes.Buffer
	if err := WriteBundle(&b, os.DirFS(repository(t)), []string{"root.json", "data/file", "data/empty"}); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "bundle")
	if err := os.WriteFile(at, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	testLocal(t, at)
	s := open(t, at, Options{})
	if err := os.Truncate(at, 2000); err != nil { // a medium that goes away
		t.Fatal(err)
	}
	if got, err := read(t.Context(), s, []Range{{0, 5000}}); err == nil {
		t.Errorf("%d bytes", len(got))
	}
}

// A bundle is, byte for byte, what archive/tar makes of the same.
func TestBundleIsTar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		element := rapid.StringMatching(`[a-z0-9._+-]{1,100}`).Filter(func(s string) bool { return CheckName(s) == nil })
		name := rapid.Map(rapid.SliceOfN(element, 1, 4), func(e []string) string { return strings.Join(e, "/") })
		fits := name.Filter(func(s string) bool { _, err := header(s, 0); return len(s) <= MaxName && err == nil })
		files := rapid.MapOfN(fits, rapid.StringN(0, 1500, -1), 0, 4).Draw(t, "files")
		var want bytes.Buffer
		w := tar.NewWriter(&want)
		for _, n := range slices.Sorted(maps.Keys(files)) {
			if err := w.WriteHeader(&tar.Header{Name: n, Size: int64(len(files[n])), Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(files[n])); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got := bundled(t, files)
		if !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%d bytes, not the %d of archive/tar", len(got), want.Len())
		}
		checkBundle(t, got, true)
	})
}

// checkBundle opens a bundle and says what it broke: members lie in it one after the other, and
// it is what WriteBundle makes of them.
func checkBundle(t interface {
	Fatalf(string, ...any)
	Fatal(...any)
}, b []byte, opens bool) {
	members, err := index(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		if opens {
			t.Fatal(err)
		}
		return
	}
	files := map[string]string{}
	end := int64(0)
	for _, m := range members {
		if err := CheckName(m.name); err != nil {
			t.Fatal(err)
		}
		if m.at < end+block || m.size < 0 || m.at+m.size > int64(len(b))-2*block {
			t.Fatalf("%v is not after byte %d and within %d", m, end, len(b))
		}
		end = m.at + m.size
		files[m.name] = string(b[m.at:end])
	}
	if len(files) != len(members) {
		t.Fatalf("of %d members some have the same name", len(members))
	}
	if again := bundled(t, files); !bytes.Equal(again, b) {
		t.Fatalf("%d bytes open, and their members are a bundle of %d", len(b), len(again))
	}
}

// raw gives an archive that archive/tar makes.
func raw(t *testing.T, headers ...*tar.Header) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is no bundle, and what is said of it.
func TestBadBundles(t *testing.T) {
	plain := func(name string) *tar.Header {
		return &tar.Header{Name: name, Size: 600, Mode: 0o644, Format: tar.FormatUSTAR, ModTime: time.Unix(0, 0)}
	}
	with := func(do func(h *tar.Header)) []byte {
		h := plain("a")
		do(h)
		return raw(t, h)
	}
	good := raw(t, plain("a"), plain("b"))
	checkBundle(t, good, true)
	flip := func(at int) []byte {
		b := slices.Clone(good)
		b[at] ^= 1
		return b
	}
	many := make([]*tar.Header, MaxMembers+1)
	for i := range many {
		many[i] = plain(fmt.Sprintf("%04d", i))
		many[i].Size = 0
	}
	checkBundle(t, raw(t, many[:MaxMembers]...), true)
	for what, c := range map[string]struct {
		bundle []byte
		want   string
	}{
		"nothing":                 {nil, "it is cut off: it has 0 bytes"},
		"cut off in a header":     {good[:100], "it is cut off"},
		"cut off in contents":     {good[:block+599], "member a: it is cut off: it has 1111 bytes"},
		"cut off in padding":      {good[:3*block-1], "member a: it is cut off"},
		"cut off after a member":  {good[:3*block], "it is cut off"},
		"half of the end":         {good[:len(good)-block], "it is cut off"},
		"most of the end":         {good[:len(good)-1], "it is cut off"},
		"a byte after the end":    {append(slices.Clone(good), 0), "something follows its end"},
		"tar's record of 10 kB":   {append(slices.Clone(good), make([]byte, 10240-len(good))...), "something follows its end"},
		"something in the end":    {flip(len(good) - 1), "something follows its end"},
		"something in padding":    {flip(3*block - 1), "between member a and the next one"},
		"another checksum":        {flip(150), "the header of a says other things"},
		"something in the header": {flip(511), "the header of a says other things"},
		"no size":                 {flip(124 + 5), "the header of a says other things"},
		"not sorted":              {raw(t, plain("b"), plain("a")), "member a comes after b"},
		"one twice":               {raw(t, plain("a"), plain("a")), "member a comes after a"},
		"too many":                {raw(t, many...), "more than 4096 members"},
		"up":                      {raw(t, plain("../a")), `it has ".." between slashes`},
		"up in a prefix":          {raw(t, plain("../"+strings.Repeat("a", 60)+"/"+strings.Repeat("b", 60))), `it has ".." between slashes`},
		"absolute":                {raw(t, plain("/a")), `it has "" between slashes`},
		"itself":                  {raw(t, plain("./a")), `it has "." between slashes`},
		"a foreign letter":        {raw(t, plain("a b")), `it has " " in it`},
		"a folder":                {with(func(h *tar.Header) { h.Name, h.Size, h.Typeflag = "a/", 0, tar.TypeDir }), `it has "" between slashes`},
		"a FIFO":                  {with(func(h *tar.Header) { h.Size, h.Typeflag = 0, tar.TypeFifo }), "says other things"},
		"a symbolic link":         {with(func(h *tar.Header) { h.Size, h.Typeflag, h.Linkname = 0, tar.TypeSymlink, "/etc/passwd" }), "says other things"},
		"a link":                  {with(func(h *tar.Header) { h.Size, h.Typeflag, h.Linkname = 0, tar.TypeLink, "b" }), "says other things"},
		"a device":                {with(func(h *tar.Header) { h.Size, h.Typeflag, h.Devmajor = 0, tar.TypeBlock, 8 }), "says other things"},
		"a mode":                  {with(func(h *tar.Header) { h.Mode = 0o4755 }), "says other things"},
		"an owner":                {with(func(h *tar.Header) { h.Uid = 1 }), "says other things"},
		"an owner's name":         {with(func(h *tar.Header) { h.Uname = "root" }), "says other things"},
		"a time":                  {with(func(h *tar.Header) { h.ModTime = time.Unix(1, 0) }), "says other things"},
		"GNU's form":              {with(func(h *tar.Header) { h.Format = tar.FormatGNU }), "says other things"},
		"GNU's long name":         {with(func(h *tar.Header) { h.Format, h.Name = tar.FormatGNU, strings.Repeat("a", 120) }), "member 0: "},
		"an extended header":      {with(func(h *tar.Header) { h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"comment": "x"} }), "says other things"},
		"no tar":                  {file[:4096], "member 0: "},
	} {
		if members, err := index(bytes.NewReader(c.bundle), int64(len(c.bundle))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", what, members, err)
		}
	}
}

// What no bundle is written of.
func TestWriteBundle(t *testing.T) {
	files := fstest.MapFS{"a": {Data: []byte("x")}, "d/x": {}, "s p": {}, strings.Repeat("x", 101): {}}
	for what, c := range map[string]struct {
		names []string
		want  string
	}{
		"a folder":            {[]string{"d"}, "d is not a regular file but d"},
		"a file not there":    {[]string{"b"}, "file does not exist"},
		"one twice":           {[]string{"a", "a"}, "a is to be in it twice"},
		"a path":              {[]string{"../a"}, "no name of a repository's file"},
		"a name":              {[]string{"s p"}, "no name of a repository's file"},
		"a long name":         {[]string{strings.Repeat("x", 101)}, "more than 100 bytes of its name"},
		"too many":            {slices.Repeat([]string{"a"}, MaxMembers+1), "4097 files, 4096 are the most"},
		"a file that grows":   {[]string{"grows"}, "grows has not the 1 bytes any more"},
		"a file that shrinks": {[]string{"shrinks"}, "shrinks has not the 3 bytes any more"},
	} {
		if err := WriteBundle(&bytes.Buffer{}, changing{files}, c.names); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := header("a", maxMember+1); err == nil {
		t.Error("a file of 8 GiB has a header")
	}
	if h, err := header("a", maxMember); err != nil {
		t.Error(err)
	} else if name, size, err := parseHeader(h); name != "a" || size != maxMember || err != nil {
		t.Error(name, size, err)
	}
}

// Whatever opens is a bundle, also of what has sums that fit.
func FuzzBundle(f *testing.F) {
	f.Add(bundled(f, nil))
	f.Add(bundled(f, map[string]string{"a": "x", "data/b": strings.Repeat("y", 600)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkBundle(t, b, false)
		checkBundle(t, summed(b), false)
	})
}

// summed gives what could be a bundle with right sums in what could be headers.
func summed(b []byte) []byte {
	b = slices.Clone(b)
	for h := range slices.Chunk(b, block) {
		if len(h) < block || string(h[257:262]) != "ustar" {
			continue
		}
		copy(h[148:], "        ")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	}
	return b
}

// changing has files besides that are not what was said of them when they are opened.
type changing struct{ fstest.MapFS }

func (c changing) Stat(name string) (fs.FileInfo, error) {
	switch name {
	case "grows":
		return fstest.MapFS{name: {Data: []byte("1")}}.Stat(name)
	case "shrinks":
		return fstest.MapFS{name: {Data: []byte("123")}}.Stat(name)
	}
	return c.MapFS.Stat(name)
}

func (c changing) Open(name string) (fs.File, error) {
	switch name {
	case "grows", "shrinks":
		return fstest.MapFS{name: {Data: []byte("12")}}.Open(name)
	}
	return c.MapFS.Open(name)
}
