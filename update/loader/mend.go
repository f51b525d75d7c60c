package loader

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/update/fat"
	"clarityos/update/slots"
)

// Mend has the loader's partition, which is not mounted, be free of what a cut of power may have
// left there while a slot was written, and does not touch files that are not that slot's. When one
// of those is broken nothing is mended.
func Mend(device string, s slots.Slot) error {
	f, err := os.OpenFile(device, os.O_RDWR|unix.O_EXCL, 0) // of a device, O_EXCL fails while it is mounted
	if err != nil {
		return err
	}
	defer f.Close()
	v, err := fat.Read(f)
	if err != nil {
		return err
	}
	entries, tables, err := v.Mend(f, func(path string) bool { return !Belongs(path, s) })
	if err != nil {
		return fmt.Errorf("mend the loader's partition: %w", err)
	}
	for _, step := range [][]fat.Write{entries, tables} {
		for _, w := range step {
			if _, err := f.WriteAt(w.Bytes, w.At); err != nil {
				return fmt.Errorf("mend the loader's partition: %w", err)
			}
		}
		if len(step) > 0 {
			err = errors.Join(err, f.Sync())
		}
	}
	return err
}

// Belongs says whether a file on the loader's partition is a slot's, or was to become one.
func Belongs(path string, s slots.Slot) bool {
	folder, entry := Entry(s), strings.TrimSuffix(Paths(s)[0], "conf")
	return path == folder || strings.HasPrefix(path, folder+"/") || strings.HasPrefix(path, entry)
}
