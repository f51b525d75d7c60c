package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// MaxMembers bounds the files in a bundle.
	MaxMembers = 4096
	// maxMember is the largest size that a ustar header has digits for, in bytes.
	maxMember = 1<<33 - 1
	// block is what tar counts in, in bytes.
	block = 512
)

// member is a file in a bundle.
type member struct {
	name     string
	at, size int64 // of its contents, in bytes from the bundle's begin
}

// header gives the block before a member's contents. A bundle is a ustar archive (POSIX.1-2017,
// pax) whose headers say nothing but name and size: mode 0644, owner and group 0, time 0.
// So a set of files has one form, and whatever another program could say in a header
// is refused for being different.
func header(name string, size int64) ([block]byte, error) {
	var h [block]byte
	prefix, base := "", name
	if len(name) > 100 {
		i := strings.LastIndexByte(name[:min(len(name), 156)], '/')
		if i < 0 || len(name)-i-1 > 100 {
			return h, fmt.Errorf("%s cannot be in a bundle: more than 100 bytes of its name are in one element", name)
		}
		prefix, base = name[:i], name[i+1:]
	}
	if size < 0 || size > maxMember {
		return h, fmt.Errorf("%s cannot be in a bundle: it has %d bytes, %d are the most", name, size, int64(maxMember))
	}
	copy(h[0:], base)
	copy(h[100:], "0000644\x000000000\x000000000\x00") // mode, owner, group
	copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00", size))
	copy(h[148:], "        0") // the sum's place counts as spaces; a regular file
	copy(h[257:], "ustar\x0000")
	copy(h[329:], "0000000\x000000000\x00") // the numbers of no device
	copy(h[345:], prefix)
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h, nil
}

// parseHeader is the inverse of header.
func parseHeader(h [block]byte) (name string, size int64, err error) {
	text := func(at, most int) string {
		s, _, _ := strings.Cut(string(h[at:at+most]), "\x00")
		return s
	}
	if name = text(0, 100); h[345] != 0 {
		name = text(345, 155) + "/" + name
	}
	if err := CheckName(name); err != nil {
		return "", 0, err
	}
	digits, err := strconv.ParseUint(string(h[124:135]), 8, 63)
	if err != nil {
		return "", 0, fmt.Errorf("the size of %s: %w", name, err)
	}
	size = int64(digits)
	if same, err := header(name, size); err != nil || same != h {
		return "", 0, fmt.Errorf("the header of %s says other things than its name and size, as bundles' never do; make bundles with this program and not with tar", name)
	}
	return name, size, nil
}

// padded gives a size with what is added to it up to whole blocks.
func padded(size int64) int64 { return (size + block - 1) / block * block }

// index gives the members of a bundle of so many bytes, by name, in the order in which they
// are in it. It reads headers and what is between contents and headers.
func index(bundle io.ReaderAt, size int64) ([]member, error) {
	var members []member
	var b [block]byte
	last := ""
	for at := int64(0); ; {
		if err := fill(bundle, b[:], at, size); err != nil {
			return nil, err
		}
		if at += block; b == [block]byte{} {
			if err := fill(bundle, b[:], at, size); err != nil {
				return nil, err
			}
			if b != [block]byte{} || at+block != size {
				return nil, fmt.Errorf("something follows its end at byte %d", at)
			}
			return members, nil
		}
		name, length, err := parseHeader(b)
		switch {
		case err != nil:
			return nil, fmt.Errorf("member %d: %w", len(members), err)
		case name <= last:
			return nil, fmt.Errorf("member %s comes after %s: they are not sorted, or one is there twice", name, last)
		case len(members) == MaxMembers:
			return nil, fmt.Errorf("more than %d members", MaxMembers)
		}
		members = append(members, member{name, at, length})
		last = name
		pad := b[:padded(length)-length]
		if err := fill(bundle, pad, at+length, size); err != nil {
			return nil, fmt.Errorf("member %s: %w", name, err)
		}
		if len(bytes.TrimLeft(pad, "\x00")) > 0 {
			return nil, fmt.Errorf("something is between member %s and the next one", name)
		}
		at += padded(length)
	}
}

// fill reads a part of a file of size bytes.
func fill(file io.ReaderAt, part []byte, at, size int64) error {
	if at+int64(len(part)) > size {
		return fmt.Errorf("it is cut off: it has %d bytes, and has to have %d and more; copy it again", size, at+int64(len(part)))
	}
	return readAt(file, part, at, Options{})
}

// bundle is a source of a bundle's members.
type bundle struct {
	file    *os.File
	members []member // by name
	options Options
}

func openBundle(path string, o Options) (Source, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		var members []member
		if members, err = index(file, info.Size()); err == nil {
			return &bundle{file, members, o}, nil
		}
	}
	file.Close()
	return nil, fmt.Errorf("open bundle %s: %w", path, err)
}

func (b *bundle) String() string { return b.file.Name() }
func (b *bundle) Close() error   { return b.file.Close() }

func (b *bundle) Get(ctx context.Context, name string, most int64) (all []byte, err error) {
	contents, err := b.find(name)
	if err == nil {
		all, err = getLocal(ctx, contents, contents.Size(), most, b.options)
	}
	return all, told(err, "read", name, b)
}

func (b *bundle) ReadRanges(ctx context.Context, name string, ranges []Range, each func(int, []byte) error) error {
	contents, err := b.find(name)
	if err == nil {
		err = CheckRanges(ranges)
	}
	if err == nil {
		err = rangesLocal(ctx, contents, contents.Size(), ranges, each, b.options)
	}
	return told(err, "read ranges of", name, b)
}

// find gives a member's contents.
func (b *bundle) find(name string) (*io.SectionReader, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	i, has := slices.BinarySearchFunc(b.members, name, func(m member, name string) int { return strings.Compare(m.name, name) })
	if !has {
		return nil, fs.ErrNotExist
	}
	return io.NewSectionReader(b.file, b.members[i].at, b.members[i].size), nil
}
