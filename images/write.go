package images

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncAll makes everything below dir durable, by syncing its file system.
func syncAll(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
