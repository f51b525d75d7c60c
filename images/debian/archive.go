package debian

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// WalkFiles calls fn for each member of the data archive of the .deb file at
// path, in the archive's order. The reader is valid until fn returns.
func WalkFiles(path string, fn func(*tar.Header, io.Reader) error) error {
	return walk(path, "data.tar", fn)
}

// ReadRelations returns what the .deb file at path says that its package depends on and
// provides.
func ReadRelations(path string) (r Relations, err error) {
	err = walk(path, "control.tar", func(h *tar.Header, in io.Reader) error {
		if strings.TrimPrefix(h.Name, "./") != "control" {
			return nil
		}
		text, err := io.ReadAll(in)
		for _, s := range parseStanzas(string(text)) {
			r = relationsOf(s)
		}
		return err
	})
	return r, err
}

func walk(path, member string, fn func(*tar.Header, io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read package: %w", err)
	}
	defer f.Close()
	if err := walkMember(bufio.NewReaderSize(f, 1<<16), member, fn); err != nil {
		return fmt.Errorf("read package %s: %w", path, err)
	}
	return nil
}

// walkMember reads an ar archive (deb(5): debian-binary, control.tar.*,
// data.tar.*) up to the member whose name begins with want.
func walkMember(r io.Reader, want string, fn func(*tar.Header, io.Reader) error) error {
	magic := make([]byte, 8)
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != "!<arch>\n" {
		return errors.New("not a Debian package: no ar magic")
	}
	for {
		name, size, err := arHeader(r)
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("cut short: it has no %s", want)
		}
		if err != nil {
			return err
		}
		if !strings.HasPrefix(name, want) {
			if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
				return fmt.Errorf("member %s: %w", name, err)
			}
			continue
		}
		plain, err := decompress(name, io.LimitReader(r, size))
		if err != nil {
			return fmt.Errorf("member %s: %w", name, err)
		}
		defer plain.Close()
		return walkTar(plain, fn)
	}
}

// arHeader reads one 60-byte member header: name 16, time 12, owner 6, group
// 6, mode 8, size 10, end 2.
func arHeader(r io.Reader) (name string, size int64, err error) {
	var h [60]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", 0, err
	}
	name = strings.TrimRight(strings.TrimSpace(string(h[:16])), "/")
	size, err = strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
	if err != nil || size < 0 || h[58] != '`' || h[59] != '\n' {
		return "", 0, fmt.Errorf("member %q: damaged header", name)
	}
	return name, size, nil
}

func decompress(name string, r io.Reader) (io.ReadCloser, error) {
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "tar":
		return io.NopCloser(r), nil
	case "gz":
		return gzip.NewReader(r)
	case "xz":
		x, err := xz.NewReader(bufio.NewReader(r))
		if err != nil {
			return nil, err
		}
		return io.NopCloser(x), nil
	case "zst":
		z, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, errors.New("unknown compression")
}

func walkTar(r io.Reader, fn func(*tar.Header, io.Reader) error) error {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(h, tr); err != nil {
			return err
		}
	}
}
