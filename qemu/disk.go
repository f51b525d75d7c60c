package qemu

import (
	"fmt"
	"os"
	"path/filepath"
)

// DefaultDiskSize is the size in bytes of a data disk that nobody gave one.
const DefaultDiskSize = 1 << 30

// PrepareDisk makes path a sparse file of at least size bytes. What is in it
// stays, and a larger file stays larger.
func PrepareDisk(path string, size uint64) error {
	if size == 0 {
		size = DefaultDiskSize
	}
	// QEMU counts sectors of 512 bytes, file systems blocks of 4096.
	size = (size + 4095) &^ 4095
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("data disk: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("data disk: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("data disk: %w", err)
	}
	if !info.Mode().IsRegular() || uint64(info.Size()) >= size {
		return nil
	}
	if err := f.Truncate(int64(size)); err != nil {
		return fmt.Errorf("data disk: grow to %d bytes: %w", size, err)
	}
	return f.Close()
}
