package images

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// addBase adds the definition's base: a folder, all owned by root, or a tar
// archive (.tar, .tar.gz, .tar.xz, .tar.zst) with its owners and modes.
func (d *Definition) addBase(t *Tree) error {
	if d.Base == "" {
		return nil
	}
	t.note("base", "definition base")
	from := d.local(d.Base)
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("base: %w", err)
	}
	if info.IsDir() {
		if err := addLocal(t, "/", from, "", Entry{Part: "base", Rank: RankBase}); err != nil {
			return fmt.Errorf("base: %w", err)
		}
		return nil
	}
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("base: %w", err)
	}
	defer f.Close()
	if err := t.addTar(f, from); err != nil {
		return fmt.Errorf("base %s: %w", d.Base, err)
	}
	return nil
}

func (t *Tree) addTar(f io.Reader, name string) error {
	r, err := plainTar(bufio.NewReader(f), name)
	if err != nil {
		return err
	}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader || usrMerged(h.Name) == "/" {
			continue
		}
		e, err := t.tarEntry(h, tr)
		if err != nil {
			return err
		}
		e.Part, e.Rank = "base", RankBase
		if err := t.Put(usrMerged(h.Name), e); err != nil {
			return err
		}
	}
}

func plainTar(r io.Reader, name string) (io.Reader, error) {
	switch {
	case strings.HasSuffix(name, "gz"):
		return gzip.NewReader(r)
	case strings.HasSuffix(name, ".xz"):
		return xz.NewReader(r)
	case strings.HasSuffix(name, ".zst"):
		return zstd.NewReader(r)
	}
	return r, nil
}
