package index

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// IDRule is what ids of backups look like: a number that grows, and something that no other
// one has.
var IDRule = regexp.MustCompile(`^[0-9]{6}-[0-9a-f]{8}$`)

// check follows an index line by line.
type check struct {
	head   Header
	is     end
	last   Entry
	began  bool // there was an entry
	inside []Name
	at     int64 // up to where the last file has chunks
}

func (c *check) header(h Header) error {
	c.head = h
	switch {
	case h.Format != Format:
		return fmt.Errorf("it has form %d, and this program knows %d", h.Format, Format)
	case !IDRule.MatchString(h.ID):
		return fmt.Errorf("the id %q does not match %s", h.ID, IDRule)
	case h.Cause != Update && h.Cause != Restore:
		return fmt.Errorf("the cause %q is not known", h.Cause)
	}
	return CheckPaths(h.Paths)
}

// CheckPaths says what is wrong with the paths of a backup.
func CheckPaths(paths []Path) error {
	if len(paths) == 0 || len(paths) > PathsMost {
		return fmt.Errorf("%d paths; it takes 1 to %d", len(paths), PathsMost)
	}
	for i, p := range paths {
		text := string(p)
		if !path.IsAbs(text) || path.Clean(text) != text || text == "/" || len(text) > NameMost || strings.ContainsRune(text, 0) {
			return fmt.Errorf("path %q is not like /var/lib/app", text)
		}
		for _, other := range paths[:i] {
			if within(text, string(other)) || within(string(other), text) {
				return fmt.Errorf("paths %s and %s lie in each other", other, text)
			}
		}
	}
	return nil
}

// within says whether a path is another one or lies below it.
func within(p, in string) bool { return p == in || strings.HasPrefix(p, in+"/") }

func (c *check) entry(e Entry) error {
	if c.is.Entries++; c.is.Entries > EntriesMost {
		return fmt.Errorf("more than %d entries", EntriesMost)
	}
	err := c.place(e)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return fmt.Errorf("entry %d, %q: %w", c.is.Entries, e.Name, err)
	}
	c.last, c.began, c.at = e, true, 0
	return nil
}

// place says whether an entry may come after those before it.
func (c *check) place(e Entry) error {
	if e.Name == "" {
		if want := c.last.Path + 1; c.began && e.Path != want || !c.began && e.Path != 0 || e.Path >= len(c.head.Paths) {
			return fmt.Errorf("path %d follows path %d of %d", e.Path, c.last.Path, len(c.head.Paths))
		}
		c.inside = c.inside[:0]
		if e.Type == Folder {
			c.inside = append(c.inside, "")
		}
		return nil
	}
	switch {
	case !c.began || e.Path != c.last.Path:
		return fmt.Errorf("it is of path %d, where that has not begun", e.Path)
	case len(e.Name) > NameMost || strings.ContainsRune(string(e.Name), 0) || path.Clean("/"+string(e.Name)) != "/"+string(e.Name):
		return errors.New("it is no name within a path")
	case e.Type == Absent:
		return errors.New("only a path can be absent")
	case slices.Compare(strings.Split(string(c.last.Name), "/"), strings.Split(string(e.Name), "/")) >= 0:
		return fmt.Errorf("it is not behind %q", c.last.Name)
	}
	dir := Name(strings.TrimPrefix(path.Dir("/"+string(e.Name)), "/"))
	for len(c.inside) > 0 && c.inside[len(c.inside)-1] != dir {
		c.inside = c.inside[:len(c.inside)-1]
	}
	if len(c.inside) == 0 {
		return fmt.Errorf("its folder %q did not come before it", dir)
	}
	if e.Type == Folder {
		c.inside = append(c.inside, e.Name)
	}
	if len(c.inside) > DepthMost {
		return fmt.Errorf("more than %d folders in each other", DepthMost)
	}
	return nil
}

// check says whether an entry has what its type has, and nothing else.
func (e Entry) check() error {
	bare := e.Type == Absent || e.Type == Link
	device := e.Type == Char || e.Type == Block
	target := e.Type == Symlink || e.Type == Link
	switch e.Type {
	case Absent, Folder, File, Symlink, Link, Char, Block, Fifo:
	default:
		return fmt.Errorf("type %q is not known", e.Type)
	}
	switch {
	case e.Mode > 0o7777,
		(e.Mtime == nil) != bare,
		bare && (e.Mode|e.UID|e.GID != 0 || len(e.Attrs) > 0),
		e.Mtime != nil && (e.Mtime[1] < 0 || e.Mtime[1] >= 1e9),
		e.Size < 0 || e.Size > 0 && e.Type != File,
		e.Device > 0 && !device,
		(e.Target != "") != target || len(e.Target) > NameMost || strings.ContainsRune(string(e.Target), 0),
		e.Type == Link && (e.Name == "" || path.Clean("/"+string(e.Target)) != "/"+string(e.Target)):
		return fmt.Errorf("a %s has other properties", e.Type)
	}
	for i, a := range e.Attrs {
		if a.Name == "" || strings.ContainsRune(string(a.Name), 0) || len(a.Value) > AttrMost || i > 0 && a.Name <= e.Attrs[i-1].Name {
			return fmt.Errorf("attribute %q is out of order or too large", a.Name)
		}
	}
	return nil
}

func (c *check) chunk(k Chunk) error {
	switch {
	case c.last.Type != File || k.Size <= 0 || k.At < c.at || k.Size > c.last.Size-k.At:
		return fmt.Errorf("a chunk of %d bytes at %d of %q, which has %d and chunks up to %d", k.Size, k.At, c.last.Name, c.last.Size, c.at)
	}
	c.at = k.At + k.Size
	c.is.Chunks++
	c.is.Bytes += k.Size
	return nil
}

// end gives the last line but for its hash.
func (c *check) end() (end, error) {
	if !c.began || c.last.Path != len(c.head.Paths)-1 {
		return end{}, fmt.Errorf("it ends before the last of %d paths", len(c.head.Paths))
	}
	return c.is, nil
}

func (c *check) info() Info {
	return Info{Header: c.head, Entries: c.is.Entries, Chunks: c.is.Chunks, Bytes: c.is.Bytes}
}
