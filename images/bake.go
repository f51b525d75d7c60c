package images

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"clarityos/update/durable"

	"github.com/klauspost/compress/zstd"
)

// Baked is what was put into an image after it was built.
type Baked struct {
	What string `json:"what"` // in words
	At   int64  `json:"at"`   // where it begins in the initramfs, in bytes
	// Paths are the files.
	Paths []string `json:"paths,omitempty"`
}

// Bake puts files into a built image, by absolute path, in the place of those that an
// earlier Bake has put there, and says what they are. It is another archive behind the
// image's own, which the kernel unpacks over it: the image's ID stays.
func (i *Image) Bake(what string, files map[string][]byte) error {
	fail := func(err error) error { return fmt.Errorf("put %s into the image %s: %w", what, i.Dir, err) }
	archive, err := os.ReadFile(i.Initramfs)
	if err != nil {
		return fail(err)
	}
	if i.Baked != nil {
		if i.Baked.At < 0 || i.Baked.At > int64(len(archive)) {
			return fail(fmt.Errorf("%s is shorter than %s says; build the image again", InitramfsFile, FactsFile))
		}
		archive = archive[:i.Baked.At]
	}
	kernel, err := os.ReadFile(i.Kernel)
	if err != nil {
		return fail(err)
	}
	t := &Tree{entries: map[string]*Entry{}} // without the folders that the image has
	paths := slices.Sorted(maps.Keys(files))
	for _, path := range paths {
		if err := t.File("baked", RankOwn, path, 0o644, files[path]); err != nil {
			return fail(err)
		}
	}
	more, err := compress(t, i.Epoch, zstd.SpeedBetterCompression)
	if err != nil {
		return fail(err)
	}
	baked := *i
	baked.Baked = &Baked{What: what, At: int64(len(archive)), Paths: paths}
	if err := writeImage(i.Dir, kernel, slices.Concat(archive, more), &baked); err != nil {
		return fail(err)
	}
	i.Baked = baked.Baked
	return nil
}

// writeImage makes an image's folder: complete under a temporary name first, then
// exchanged for the old one.
func writeImage(dir string, kernel, archive []byte, img *Image) error {
	facts, err := json.MarshalIndent(img, "", "  ")
	if err != nil {
		return fmt.Errorf("describe image: %w", err)
	}
	out := filepath.Dir(dir)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	tmp, err := os.MkdirTemp(out, "."+filepath.Base(dir)+"-")
	if err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	for name, data := range map[string][]byte{KernelFile: kernel, InitramfsFile: archive, FactsFile: append(facts, '\n')} {
		if err := durable.WriteFile(filepath.Join(tmp, name), data, 0o644); err != nil {
			return err
		}
	}
	return replaceDir(tmp, dir)
}

// compress gives a tree's archive, compressed.
func compress(t *Tree, epoch int64, level zstd.EncoderLevel) ([]byte, error) {
	var buf bytes.Buffer
	z, err := zstd.NewWriter(&buf, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(8<<20), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := t.WriteNewc(z, epoch); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return buf.Bytes(), nil
}
