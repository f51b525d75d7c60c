package etc

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMerge(t *testing.T) {
	const none = "-" // no file
	for _, c := range []struct {
		what, path               string
		base, ours, theirs, want string
		notes                    string // words of them
	}{
		{"nothing was changed here", "f", "a\n", "a\n", "b\n", "b\n", ""},
		{"nothing was changed there", "f", "a\n", "b\n", "a\n", "b\n", ""},
		{"the same on both sides", "f", "a\n", "b\n", "b\n", "b\n", ""},
		{"the same new file", "f", none, "b\n", "b\n", "b\n", ""},
		{"two new files", "f", none, "b\n", "c\n", "b\n", "stays as it is here"},
		{"a new file here", "f", none, "b\n", none, "b\n", ""},
		{"gone there", "f", "a\n", "a\n", none, none, ""},
		{"gone there, changed here", "f", "a\n", "b\n", none, "b\n", "the new version has none"},
		{"emptied here", "f", "a\n", "", "a\n", "", ""},
		{"changes apart", "f", "a\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nd\n", "A\nb\nc\nD\n", ""},
		{"insertions and removals apart", "f", "a\nb\nc\nd\n", "b\nc\nd\n", "a\nb\nc\nx\nd\n", "b\nc\nx\nd\n", ""},
		{"one line", "f", "a\nb\nc\n", "a\nB\nc\n", "a\nX\nc\n", "a\nB\nc\n", "stays as it is here"},
		{"lines beside each other", "f", "a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nC\nd\n", "a\nB\nc\nd\n", "stays as it is here"},
		{"insertions in one place", "f", "a\n", "a\nb\n", "a\nc\n", "a\nb\n", "stays as it is here"},
		{"one change on both sides, and others", "f", "a\nb\nc\nd\ne\n", "A\nb\nC\nd\ne\n", "a\nb\nC\nd\nE\n", "A\nb\nC\nd\nE\n", ""},
		{"no newline at the end", "f", "a\nb\nc", "A\nb\nc", "a\nb\nc\nd", "A\nb\nc\nd", ""},
		{"no text", "f", "a\nb\nc\x00", "A\nb\nc\x00", "a\nb\nC\x00", "A\nb\nc\x00", "stays as it is here"},
		{"accounts of both", "passwd", "root:x\nd:x\n", "root:x\nd:x\nme:x\n", "root:x\nd:x\nweb:x\n", "root:x\nd:x\nme:x\nweb:x\n", ""},
		{"an account of both", "group", "wheel:x:1:\nv:x:2:\n", "wheel:x:1:me\nv:x:2:\n", "wheel:x:1:web\nv:x:3:\n", "wheel:x:1:me\nv:x:3:\n", "wheel was changed here"},
		{"accounts that are gone", "shadow", "a:x\nb:x\nc:x\n", "b:x\nc:y\n", "a:x\n", "c:y\n", ""},
		{"an account that is gone here, and changed there", "passwd", "a:x\nb:x\n", "b:x\n", "a:y\nb:x\n", "b:x\n", "a was removed here"},
		{"an id twice", "passwd", "r:x:0\n", "r:x:0\nme:x:100\n", "r:x:0\nweb:x:100\n", "r:x:0\nme:x:100\nweb:x:100\n", "web is new and has the id 100, which me has here"},
		{"the id of one that is gone", "passwd", "r:x:0\nold:x:9\n", "r:x:0\nold:x:9\nme:x:100\n", "r:x:0\nweb:x:9\n", "r:x:0\nme:x:100\nweb:x:9\n", ""},
		{"numbers that are no ids", "shadow", "r:x:1\n", "r:x:1\nme:x:2\n", "r:x:1\nweb:x:2\n", "r:x:1\nme:x:2\nweb:x:2\n", ""},
		{"an account twice", "passwd", "a:1\n", "a:1\na:2\n", "a:1\nb:1\n", "a:1\na:2\n", "stays as it is here"},
		{"accounts without a newline", "passwd", "a:1", "a:1\nme:1", "a:1\nb:1", "a:1\nme:1\nb:1\n", ""},
		{"no file of accounts", "pam.d/passwd", "a\n", "a\nb\n", "a\nc\n", "a\nb\n", "stays as it is here"},
	} {
		file := func(text string) []byte {
			if text == none {
				return nil
			}
			return []byte(text)
		}
		merged, notes := Merge(c.path, file(c.base), file(c.ours), file(c.theirs))
		if !same(merged, file(c.want)) || (notes == nil) != (c.notes == "") || !strings.Contains(strings.Join(notes, " "), c.notes) {
			t.Errorf("%s: %q, %q", c.what, merged, notes)
		}
	}
}

// texts draws one of a few lines, many of which are the same.
func texts(t *rapid.T, name string) []string {
	return rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "d\n"}), 0, 12).Draw(t, name)
}

// The changes that differ gives make the one text of the other.
func TestDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := texts(t, "from"), texts(t, "to")
		all, ok := differ(from, to)
		var made []string
		at := 0
		for _, h := range all {
			if h.from < at || h.to < h.from || h.to == h.from && len(h.lines) == 0 {
				t.Fatalf("%+v", all)
			}
			made = append(append(made, from[at:h.from]...), h.lines...)
			at = h.to
		}
		if made = append(made, from[at:]...); !ok || !slices.Equal(made, to) {
			t.Fatalf("%+v makes %q", all, made)
		}
	})
	if _, ok := differ(make([]string, 2000), slices.Repeat([]string{"x"}, 2000)); ok {
		t.Error("it compares more than it may")
	}
}

// A merge with a side that has changed nothing is the other one, whichever it is; and which side
// is which does not matter when neither gives way.
func TestMergeLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, one, two := texts(t, "base"), texts(t, "one"), texts(t, "two")
		for _, c := range [][3][]string{{base, one, one}, {one, base, one}, {one, one, one}} {
			if got, ok := mergeLines(base, c[0], c[1]); !ok || !slices.Equal(got, c[2]) {
				t.Fatalf("%q: %v", got, ok)
			}
		}
		got, ok := mergeLines(base, one, two)
		again, okToo := mergeLines(base, two, one)
		if ok != okToo || !slices.Equal(got, again) {
			t.Fatalf("%q, %v, and %q, %v", got, ok, again, okToo)
		}
	})
}
