package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf16"
)

// Of an entry: attributes, and what its first byte may say.
const (
	isVolume = 0x08
	isFolder = 0x10
	isLong   = 0x0f

	removed  = 0xe5
	lastOnes = 0x00 // no entry comes behind it
)

// folder reads the entries of a folder, and of those in it.
func (v *Volume) folder(r io.ReaderAt, dir *File, depth int) error {
	if depth > deepest || int64(len(dir.Clusters))*v.ClusterSize > folderMost {
		dir.fail(errors.New("it is too large"))
		return nil
	}
	if dir.Broken != nil {
		return nil
	}
	var b []byte
	for _, c := range dir.Clusters {
		one := make([]byte, v.ClusterSize)
		if _, err := r.ReadAt(one, v.At(c)); err != nil {
			return fmt.Errorf("folder %q: %w", dir.Path, err)
		}
		b = append(b, one...)
	}
	if depth > 0 && string(b[:11]) != ".          " {
		dir.fail(errors.New("it does not begin as a folder"))
		return nil
	}
	var folders []*File
	var long longName
	var at []int64
	for i := 0; i < len(b) && b[i] != lastOnes; i += entrySize {
		e := b[i:][:entrySize]
		at = append(at, v.At(dir.Clusters[int64(i)/v.ClusterSize])+int64(i)%v.ClusterSize)
		switch {
		case e[0] == removed:
			long, at = longName{}, nil
			continue
		case e[11]&0x3f == isLong:
			if e[0]&firstPart != 0 {
				long, at = longName{}, at[len(at)-1:]
			}
			long.add(e)
			continue
		case e[11]&isVolume != 0 || e[0] == '.':
			long, at = longName{}, nil
			continue
		}
		name, ok := long.of(e)
		if !ok { // its long name is another one's, which is no part of it
			name, at = shortName(e), at[len(at)-1:]
		}
		f := &File{Path: path.Join(dir.Path, name), Folder: e[11]&isFolder != 0, at: at}
		if !f.Folder {
			f.Size = int64(binary.LittleEndian.Uint32(e[28:]))
		}
		first := uint32(binary.LittleEndian.Uint16(e[20:]))<<16 | uint32(binary.LittleEndian.Uint16(e[26:]))
		v.take(f, first)
		if f.Folder {
			folders = append(folders, f)
		}
		long, at = longName{}, nil
	}
	for _, f := range folders {
		if err := v.folder(r, f, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// longName is one that is read, of which the end comes first.
type longName struct {
	units []uint16
	sum   byte // of the short name
	next  byte // which part has to come; 0: none
	begun bool
}

const firstPart = 0x40 // it comes first, and is the name's end

func (l *longName) add(e []byte) {
	number := e[0] &^ firstPart
	if e[0]&firstPart != 0 {
		*l = longName{sum: e[13], next: number, begun: true}
	}
	if !l.begun || number != l.next || number == 0 || e[13] != l.sum {
		*l = longName{}
		return
	}
	l.next--
	var units []uint16
	for _, span := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
		for i := span[0]; i < span[1]; i += 2 {
			units = append(units, binary.LittleEndian.Uint16(e[i:]))
		}
	}
	l.units = append(units, l.units...)
}

// of gives the name if it is that of a short entry.
func (l *longName) of(e []byte) (string, bool) {
	sum := byte(0)
	for _, c := range e[:11] {
		sum = sum>>1 | sum<<7
		sum += c
	}
	if !l.begun || l.next != 0 || sum != l.sum {
		return "", false
	}
	units := l.units
	for i, u := range units {
		if u == 0 {
			units = units[:i]
			break
		}
	}
	return string(utf16.Decode(units)), true
}

// shortName is that of an entry without a long one, whose parts may be said to be lower case.
func shortName(e []byte) string {
	stem, ext := strings.TrimRight(string(e[:8]), " "), strings.TrimRight(string(e[8:11]), " ")
	if e[12]&0x08 != 0 {
		stem = strings.ToLower(stem)
	}
	if e[12]&0x10 != 0 {
		ext = strings.ToLower(ext)
	}
	if ext == "" {
		return stem
	}
	return stem + "." + ext
}
