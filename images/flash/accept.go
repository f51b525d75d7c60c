package flash

import (
	"fmt"
	"slices"
	"strings"

	"clarityos/update/gpt"
)

// candidate is a device or file that is to be written to.
type candidate struct {
	path   string // as it was named
	real   string // without symbolic links
	kind   kind
	size   int64 // bytes
	sector int64 // bytes of a device's logical sectors
	node   *node // of a device; nil: /sys does not have it
	uses   []use
	image  bool // it is the image itself, or a loop device of it
}

type kind int

const (
	missing kind = iota
	otherKind
	regular
	blockDevice
)

// accept says why a candidate is not written to; nil: it is. Force overrules what a person
// may know better, and nothing that cannot work.
func accept(c candidate, imageSize int64, force bool) error {
	switch {
	case c.kind == missing:
		return fmt.Errorf("%s: there is no such device; lsblk lists them. For a file, make it first: truncate -s %d %s", c.path, imageSize, c.path)
	case c.kind == otherKind:
		return fmt.Errorf("%s is neither a block device nor a file; lsblk lists devices", c.path)
	case c.image:
		return fmt.Errorf("%s is the image itself; name the device that it is to be written to", c.path)
	case !force && c.node != nil && c.node.disk != "":
		return fmt.Errorf("%s is a partition of %s, and the image has a partition table of its own: firmware boots from whole disks; name /dev/%[2]s, if all of it may go; %w",
			c.path, c.node.disk, errRefused)
	case c.size < imageSize:
		return fmt.Errorf("%s is too small: it has %s (%d bytes), and the image is of %s (%d bytes); take a larger one, or build the image with smaller partitions",
			c.path, Size(c.size), c.size, Size(imageSize), imageSize)
	case c.kind == blockDevice && c.sector != gpt.Sector:
		return fmt.Errorf("%s has sectors of %d bytes, and the image's partition table is for %d: firmware would not find it; take another device, or let this one have sectors of %[3]d bytes if it can (nvme format)",
			c.path, c.sector, gpt.Sector)
	case force:
		return nil
	case c.kind == blockDevice && c.node == nil:
		return fmt.Errorf("%s is not in /sys/block, so what it is in use for is not known; %w", c.path, errRefused)
	case c.node != nil && c.node.readOnly:
		return fmt.Errorf("%s is read-only; look for its switch, or try blockdev --setrw %s; %w", c.path, c.real, errRefused)
	case slices.ContainsFunc(c.uses, func(u use) bool { return u.running }):
		return fmt.Errorf("%s holds the running system: %s; it would be gone; name another device; %w", c.path, list(c.uses), errRefused)
	case len(c.uses) > 0:
		return fmt.Errorf("%s is in use: %s; umount what is mounted and take apart what lies on it, or name another device; %w", c.path, list(c.uses), errRefused)
	}
	return nil
}

func list(uses []use) string {
	var out []string
	for _, u := range uses {
		out = append(out, u.String())
	}
	return strings.Join(out, ", ")
}
