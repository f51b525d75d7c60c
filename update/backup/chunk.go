package backup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"clarityos/update/backup/index"
	"clarityos/update/chunks"
)

// chunkPath is where a chunk lies.
func (s *store) chunkPath(h index.Hash) string {
	name := h.String()
	return filepath.Join(s.dir, "chunks", name[:2], name)
}

// put has the store have a chunk. One that it has already is read, since it may be what a cut
// of power has left. It is on the disk after sync only.
func (s *store) put(plain []byte) (index.Hash, error) {
	h := index.Hash(sha256.Sum256(plain))
	if _, err := s.get(h, int64(len(plain))); err == nil {
		return h, nil
	}
	frame := s.pack.Frame(plain)
	sum := sha256.Sum256(frame)
	path := s.chunkPath(h)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		next := filepath.Join(s.dir, "chunks", "new")
		if err = os.WriteFile(next, append(frame, sum[:]...), 0o600); err == nil {
			err = os.Rename(next, path)
		}
	}
	if err != nil {
		return h, fmt.Errorf("keep a chunk: %w", err)
	}
	return h, nil
}

// get gives a chunk, until the next one. The error wraps chunks.ErrCorrupt or os.ErrNotExist.
func (s *store) get(h index.Hash, size int64) ([]byte, error) {
	b, err := s.readChunk(h)
	if err != nil {
		return nil, fmt.Errorf("chunk %v: %w", h, err)
	}
	if size > chunks.SizeMost || len(b) <= sha256.Size {
		return nil, fmt.Errorf("chunk %v has %d bytes for %d: %w", h, len(b), size, chunks.ErrCorrupt)
	}
	frame, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	plain, err := s.open.Chunk(chunks.Entry{Plain: chunks.Hash(h), Packed: chunks.Hash(sum), Size: uint32(size), Length: uint32(len(frame))}, frame)
	if err != nil {
		return nil, fmt.Errorf("chunk %v: %w", h, err)
	}
	return plain, nil
}

// readChunk reads the file of a chunk, which is valid until the next one.
func (s *store) readChunk(h index.Hash) ([]byte, error) {
	f, err := os.Open(s.chunkPath(h))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if s.buffer == nil {
		s.buffer = make([]byte, chunks.PackedMost+sha256.Size+1)
	}
	n, err := readFull(f, s.buffer)
	if err != nil {
		return nil, err
	}
	if n == len(s.buffer) {
		return nil, errors.Join(fmt.Errorf("%s is too large", f.Name()), chunks.ErrCorrupt)
	}
	return s.buffer[:n], nil
}
