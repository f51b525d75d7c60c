package images

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"time"

	"clarityos/update/verity"
)

// erofsUtils are the packages of bootSuite that mkfs.erofs runs from. This machine's is not
// asked for: its bytes could be others, and before 1.7, as on Debian 12, it reads no archive,
// without which only root could give files their owners.
var erofsUtils = []string{"erofs-utils", "libc6", "libdeflate0", "liblz4-1", "liblzma5", "libpcre2-8-0", "libselinux1",
	"libuuid1", "libxxhash0", "libzstd1", "zlib1g"}

// cluster is how many bytes at most are kept, and read, as one compressed piece.
const cluster = 64 << 10

// WriteErofsLZ4 writes the tree to a new file at name as an EROFS file system compressed by
// LZ4, every file with the time epoch. The bytes depend on nothing else but id, a UUID, and
// the version of erofs-utils. What lies in the folder work afterwards is of no use.
func (t *Tree) WriteErofsLZ4(ctx context.Context, name string, epoch int64, id, work string, progress Progress) error {
	tools, archive := filepath.Join(work, "erofs-utils"), filepath.Join(work, "tar")
	loader, err := unpackProgram(ctx, erofsUtils, "usr/bin/mkfs.erofs", tools, progress)
	if err != nil {
		return fmt.Errorf("fetch mkfs.erofs: %w", err)
	}
	defer os.Remove(archive)
	if err := t.writeTar(archive, epoch); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Minute)
	defer cancel()
	// What depends on the machine is said: the size of blocks, how many work, the environment.
	cmd := exec.CommandContext(ctx, loader, "--library-path", tools, filepath.Join(tools, "mkfs.erofs"), "--quiet", "--workers=1",
		fmt.Sprintf("-b%d", verity.Block), "-zlz4hc", fmt.Sprintf("-C%d", cluster), fmt.Sprintf("-T%d", epoch), "-U"+id, "--tar=f", name, archive)
	cmd.Env = []string{"TMPDIR=" + work}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("file system, by mkfs.erofs: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// unpackProgram writes a program of packages for this machine to a folder, with all that its
// loader opens, and returns the loader, which runs it by --library-path.
func unpackProgram(ctx context.Context, packages []string, program, dir string, progress Progress) (loader string, err error) {
	all, _, err := Unpack(ctx, bootSuite, runtime.GOARCH, packages, progress)
	if err != nil {
		return "", err
	}
	t := NewTree()
	if err := t.Take(all, runtime.GOARCH, program); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, p := range t.Paths() {
		e := t.Follow(p)
		if e == nil || !e.Mode.IsRegular() {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, path.Base(p)), e.Data, 0o700); err != nil {
			return "", err
		}
	}
	n, err := elfNeeds(t.Get(program), program)
	return filepath.Join(dir, path.Base(n.interpreter)), err
}

// writeTar writes the tree to a new file at name as a tar archive, every file with the time
// epoch.
func (t *Tree) writeTar(name string, epoch int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	err = putTar(w, "./", &Entry{Mode: fs.ModeDir | 0o755}, epoch)
	for _, p := range t.Paths() {
		if err == nil {
			err = putTar(w, p, t.entries[p], epoch)
		}
	}
	return errors.Join(err, w.Close(), f.Close())
}

func putTar(w *tar.Writer, name string, e *Entry, epoch int64) error {
	h := &tar.Header{Name: name, Mode: int64(unixMode(e.Mode) & 0o7777), Uid: e.UID, Gid: e.GID, ModTime: time.Unix(epoch, 0)}
	var data []byte
	var err error
	switch {
	case e.Mode.IsDir():
		h.Typeflag = tar.TypeDir
	case e.Mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Link
	case e.Mode&fs.ModeNamedPipe != 0:
		h.Typeflag = tar.TypeFifo
	case e.Mode.IsRegular():
		h.Typeflag = tar.TypeReg
		if data, err = e.Bytes(); err != nil {
			return err
		}
		h.Size = int64(len(data))
	default:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, int64(e.Major), int64(e.Minor)
		if e.Mode&fs.ModeCharDevice != 0 {
			h.Typeflag = tar.TypeChar
		}
	}
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("archive /%s: %w", name, err)
	}
	_, err = w.Write(data)
	return err
}

// erofsCompressed says whether files of a file system are compressed: then its superblock has
// EROFS_FEATURE_INCOMPAT_LZ4_0PADDING (Linux, fs/erofs/erofs_fs.h), as all that mkfs.erofs
// compresses does.
func erofsCompressed(fsys io.ReaderAt) (bool, error) {
	const superblock, incompatible, lz4Padding = 1024, 80, 1
	b := make([]byte, 4)
	if _, err := fsys.ReadAt(b, superblock+incompatible); err != nil {
		return false, err
	}
	return binary.LittleEndian.Uint32(b)&lz4Padding != 0, nil
}
