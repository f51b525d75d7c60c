// Package backup keeps what lies below given paths in a store, version by version, and puts
// it back. A store is a folder:
//
//	lock           whoever makes, restores or removes has it
//	chunks/ab/HASH a chunk of files: a zstd frame and the SHA-256 of that (32 bytes)
//	index/ID       what a backup has, see package index; without it there is none
//	verified/ID    all of a backup was read once and was right; empty
//
//	backup.go   the store, and what it has
//	make.go     making a backup
//	walk.go     … what lies below a path
//	chunk.go    chunks
//	verify.go   reading a backup without using it
//	restore.go  putting paths back
//	tree.go     … the tree that comes in the place of one
//	prune.go    removing old ones
//	at.go       system calls by folder and name
//
// Nothing half-done is a backup: the index comes last, once all chunks are on the disk. What
// lies at a path stays until all that comes in its place is on the disk and was right. No
// symbolic link leads out of a path or a store. Memory does not grow with the size of what is
// backed up; what Prune takes, about 100 bytes a chunk, does.
//
// Sockets are left out, and the attributes of chattr(1) and the times of access are not kept.
// Nobody else may write below the paths meanwhile: Make says so where it sees it.
package backup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/backup/index"
	"clarityos/update/chunks"
)

// Dir is the machine's store.
const Dir = "/var/lib/clarity/backups"

// Errors that callers decide on.
var (
	ErrBusy    = errors.New("another program works with the backups")
	ErrNone    = errors.New("there is no such backup")
	ErrCorrupt = index.ErrCorrupt // of an index
)

// store is one, locked.
type store struct {
	dir  string
	lock *os.File
	pack *chunks.Packer
	open *chunks.Unpacker

	buffer []byte // of a chunk's file
}

// openStore opens a store, and makes what it lacks.
func openStore(dir string) (*store, error) {
	s := &store{dir: dir}
	for _, sub := range []string{"chunks", "index", "verified"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("the folder of backups: %w", err)
		}
	}
	var err error
	if s.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("lock the backups: %w", err)
	}
	if err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrBusy), s.lock.Close())
	}
	if s.pack, err = chunks.NewPacker(io.Discard); err == nil {
		s.open, err = chunks.NewUnpacker()
	}
	if err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *store) close() {
	s.open.Close()
	s.lock.Close()
}

// sync has all of the store's file system be on the disk.
func (s *store) sync() error {
	if err := unix.Syncfs(int(s.lock.Fd())); err != nil {
		return fmt.Errorf("write the backups in %s to the disk: %w", s.dir, err)
	}
	return nil
}

// path is that of a file of a backup: in the folder index or verified.
func (s *store) path(in, id string) string { return filepath.Join(s.dir, in, id) }

// ids gives those of a store's backups, the oldest first.
func ids(dir string) (all []string, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "index"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	for _, e := range entries {
		if index.IDRule.MatchString(e.Name()) {
			all = append(all, e.Name())
		}
	}
	slices.Sort(all)
	return all, nil
}

// newID gives an id behind all others.
func newID(all []string) (string, error) {
	n := 0
	if len(all) > 0 {
		if _, err := fmt.Sscanf(all[len(all)-1], "%06d-", &n); err != nil {
			return "", fmt.Errorf("number a backup: %w", err)
		}
	}
	if n >= 999_999 {
		return "", errors.New("number a backup: all numbers were used")
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return fmt.Sprintf("%06d-%x", n+1, b), nil
}

// List gives the backups of a store, the oldest first. One whose index is not whole has a
// Problem. Chunks are not read: see Verify.
func List(dir string) (out []index.Info, err error) {
	all, err := ids(dir)
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		info, err := read(dir, id, index.Visitor{})
		if errors.Is(err, ErrNone) {
			continue // it was removed meanwhile
		}
		if err != nil {
			info = index.Info{Header: index.Header{ID: id}, Problem: err.Error()}
		}
		out = append(out, info)
	}
	return out, nil
}

// read reads the index of a backup.
func read(dir, id string, v index.Visitor) (index.Info, error) {
	if !index.IDRule.MatchString(id) {
		return index.Info{}, fmt.Errorf("backup %q: %w; `clarityctl backup list` lists them", id, ErrNone)
	}
	f, err := os.Open(filepath.Join(dir, "index", id))
	if errors.Is(err, os.ErrNotExist) {
		return index.Info{}, fmt.Errorf("backup %s: %w; `clarityctl backup list` lists them", id, ErrNone)
	}
	if err != nil {
		return index.Info{}, fmt.Errorf("backup %s: %w", id, err)
	}
	defer f.Close()
	info, err := index.Read(f, v)
	if err == nil && info.ID != id {
		err = fmt.Errorf("%w: it is that of backup %s", ErrCorrupt, info.ID)
	}
	if err != nil {
		return index.Info{}, fmt.Errorf("backup %s: %w", id, err)
	}
	_, gone := os.Lstat(filepath.Join(dir, "verified", id))
	info.Verified = gone == nil
	return info, nil
}

// texts gives names as they are.
func texts(all []index.Path) string {
	var out []string
	for _, p := range all {
		out = append(out, string(p))
	}
	return strings.Join(out, " ")
}
