package index

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var mtime = &[2]int64{1e9, 5}

func head() Header {
	return Header{Format: Format, ID: "000001-0a0b0c0d", Time: time.Unix(1e9, 0).UTC(), Cause: Update, Version: "1.0.0", Schema: 3, Paths: []Path{"/var/lib/app", "/var/lib/b"}}
}

// lines are entries and chunks of an index.
func write(h Header, lines ...any) ([]byte, Info, error) {
	var out bytes.Buffer
	w, err := NewWriter(&out, h)
	if err != nil {
		return nil, Info{}, err
	}
	for _, l := range lines {
		switch l := l.(type) {
		case Entry:
			err = w.Entry(l)
		case Chunk:
			err = w.Chunk(l)
		}
		if err != nil {
			return nil, Info{}, err
		}
	}
	i, err := w.Close()
	return out.Bytes(), i, err
}

func read(b []byte) (h Header, lines []any, i Info, err error) {
	i, err = Read(bytes.NewReader(b), Visitor{
		Header: func(is Header) error { h = is; return nil },
		Entry:  func(e Entry) error { lines = append(lines, e); return nil },
		Chunk:  func(c Chunk) error { lines = append(lines, c); return nil },
	})
	return h, lines, i, err
}

func all() []any {
	return []any{
		Entry{Type: Folder, Mode: 0o1777, Mtime: mtime, Attrs: []Attr{{"a", []byte{0, 255}}, {"b", []byte{}}}},
		Entry{Name: "a", Type: Folder, Mtime: mtime},
		Entry{Name: "a/\xff%<", Type: File, Mode: 0o4755, UID: 1, GID: 2, Mtime: mtime, Size: 1000},
		Chunk{At: 10, Size: 5, Hash: Hash{1}}, Chunk{At: 15, Size: 985, Hash: Hash{2}},
		Entry{Name: "a-", Type: Link, Target: "a/\xff%<"},
		Entry{Name: "b", Type: Symlink, Mtime: mtime, Target: "../.."},
		Entry{Name: "c", Type: Char, Mtime: mtime, Device: 259},
		Entry{Name: "d", Type: Block, Mtime: mtime, Device: 1 << 40},
		Entry{Name: "e", Type: Fifo, Mtime: mtime},
		Entry{Path: 1, Type: Absent},
	}
}

func TestWriteAndRead(t *testing.T) {
	b, wrote, err := write(head(), all()...)
	if err != nil {
		t.Fatal(err)
	}
	h, lines, i, err := read(b)
	if err != nil || !reflect.DeepEqual(h, head()) || !reflect.DeepEqual(lines, all()) || !reflect.DeepEqual(i, wrote) {
		t.Errorf("%v: %+v\n%+v\n%+v\n%s", err, h, lines, i, b)
	}
	if i.Entries != 9 || i.Chunks != 2 || i.Bytes != 990 {
		t.Errorf("%+v", i)
	}
	for n := range b {
		bad := bytes.Clone(b)
		bad[n] ^= 1
		if _, _, _, err := read(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("byte %d: %v", n, err)
		}
		if _, _, _, err := read(b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, _, _, err := read(append(b, '\n')); !errors.Is(err, ErrCorrupt) {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	top := Entry{Type: Folder, Mtime: mtime}
	file := Entry{Name: "a", Type: File, Mtime: mtime, Size: 10}
	end := Entry{Path: 1, Type: Absent}
	deep := []any{top}
	for n := range DepthMost {
		deep = append(deep, Entry{Name: Name("d" + strings.Repeat("/d", n)), Type: Folder, Mtime: mtime})
	}
	for name, c := range map[string]struct {
		change func(*Header)
		lines  []any
		why    string
	}{
		"another form":        {func(h *Header) { h.Format = 2 }, nil, "form 2"},
		"no id":               {func(h *Header) { h.ID = "../x" }, nil, "the id"},
		"no cause":            {func(h *Header) { h.Cause = "x" }, nil, "the cause"},
		"no path":             {func(h *Header) { h.Paths = nil }, nil, "0 paths"},
		"a relative path":     {func(h *Header) { h.Paths = []Path{"var"} }, nil, "is not like"},
		"the root":            {func(h *Header) { h.Paths = []Path{"/"} }, nil, "is not like"},
		"a path twice":        {func(h *Header) { h.Paths = []Path{"/a", "/a"} }, nil, "lie in each other"},
		"a path in a path":    {func(h *Header) { h.Paths = []Path{"/a/b", "/a"} }, nil, "lie in each other"},
		"no entry":            {nil, nil, "ends before"},
		"a path is missing":   {nil, []any{top}, "ends before"},
		"no top":              {nil, []any{file}, "has not begun"},
		"the second path":     {nil, []any{end}, "path 1 follows"},
		"a path again":        {nil, []any{top, top}, "path 0 follows"},
		"a path too many":     {nil, []any{top, end, Entry{Path: 2, Type: Absent}}, "path 2 follows"},
		"of another path":     {nil, []any{top, Entry{Path: 1, Name: "a", Type: Fifo, Mtime: mtime}}, "has not begun"},
		"out of the path":     {nil, []any{top, Entry{Name: "../a", Type: Fifo, Mtime: mtime}}, "no name within"},
		"no clean name":       {nil, []any{top, Entry{Name: "a/", Type: Fifo, Mtime: mtime}}, "no name within"},
		"the same name":       {nil, []any{top, file, file}, "is not behind"},
		"out of order":        {nil, []any{top, Entry{Name: "b", Type: Fifo, Mtime: mtime}, file}, "is not behind"},
		"no folder":           {nil, []any{top, file, Entry{Name: "a/b", Type: Fifo, Mtime: mtime}}, "did not come before"},
		"too deep":            {nil, deep, "folders in each other"},
		"below a file":        {nil, []any{Entry{Type: File, Mtime: mtime}, file}, "did not come before"},
		"absent within":       {nil, []any{top, Entry{Name: "a", Type: Absent}}, "only a path"},
		"no type":             {nil, []any{Entry{Mtime: mtime}}, "type"},
		"no time":             {nil, []any{Entry{Type: Folder}}, "other properties"},
		"a folder of a size":  {nil, []any{Entry{Type: Folder, Mtime: mtime, Size: 1}}, "other properties"},
		"more than a mode":    {nil, []any{Entry{Type: Folder, Mtime: mtime, Mode: 0o10000}}, "other properties"},
		"no target":           {nil, []any{Entry{Type: Symlink, Mtime: mtime}}, "other properties"},
		"a link elsewhere":    {nil, []any{top, Entry{Name: "a", Type: Link, Target: "../a"}}, "other properties"},
		"an attribute twice":  {nil, []any{Entry{Type: Fifo, Mtime: mtime, Attrs: []Attr{{"a", nil}, {"a", nil}}}}, "attribute"},
		"a chunk of a folder": {nil, []any{top, Chunk{Size: 1}}, "a chunk of"},
		"a chunk too long":    {nil, []any{top, file, Chunk{At: 1, Size: 10}}, "a chunk of"},
		"chunks in chunks":    {nil, []any{top, file, Chunk{Size: 5}, Chunk{At: 4, Size: 1}}, "a chunk of"},
		"an empty chunk":      {nil, []any{top, file, Chunk{}}, "a chunk of"},
	} {
		h := head()
		if c.change != nil {
			c.change(&h)
		}
		if _, _, err := write(h, c.lines...); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	b, _, err := write(head(), all()...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, lines, i, err := read(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		again, wrote, err := write(h, lines...)
		if err != nil || !bytes.Equal(again, b) || !reflect.DeepEqual(wrote, i) {
			t.Errorf("it is another index when it is written again: %v\n%s", err, again)
		}
	})
}
