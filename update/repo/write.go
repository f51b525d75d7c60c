package repo

import (
	"fmt"
	"os"
	"path/filepath"

	"clarityos/update/durable"
)

// write replaces a file atomically, and makes folder and file last.
func write(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := durable.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(dir)) // the folder may be new
}
