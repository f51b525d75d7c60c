package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"clarityos/images/sparse"
)

// qemuImage writes one of qemu-img's formats.
func qemuImage(format, options string) func(ctx context.Context, from, to string) error {
	return func(ctx context.Context, from, to string) error {
		// Absolute, so that no colon in a name is taken for a protocol's.
		from, fromErr := filepath.Abs(from)
		to, toErr := filepath.Abs(to)
		if err := errors.Join(fromErr, toErr); err != nil {
			return err
		}
		args := []string{"convert", "-f", "raw", "-O", format}
		if options != "" {
			args = append(args, "-o", options)
		}
		out, err := exec.CommandContext(ctx, "qemu-img", append(args, "--", from, to)...).CombinedOutput()
		switch {
		case errors.Is(err, exec.ErrNotFound):
			return errors.New("qemu-img is not there; install qemu-utils")
		case err != nil:
			return fmt.Errorf("qemu-img: %w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	}
}

// zeros are what a hole reads as, and how much is packed between two looks at whether it
// is still wanted.
var zeros [1 << 20]byte

// pack writes a disk as one zstd frame with a checksum. One worker, so that the bytes do
// not depend on the machine.
func pack(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	data, err := sparse.Data(in, info.Size())
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	z, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	for _, p := range sparse.Pieces(sparse.Extent{End: info.Size()}, data, 1) {
		for at := p.Start; at < p.End; at += int64(len(zeros)) {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(int64(len(zeros)), p.End-at)
			var r io.Reader = bytes.NewReader(zeros[:n]) // a hole is not read
			if p.Data {
				r = io.NewSectionReader(in, at, n)
			}
			copied, err := io.Copy(z, r)
			if err == nil && copied < n {
				err = fmt.Errorf("%s became shorter while it was read", from)
			}
			if err != nil {
				return err
			}
		}
	}
	return errors.Join(z.Close(), out.Close())
}
