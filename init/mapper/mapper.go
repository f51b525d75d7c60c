// Package mapper sets up block devices of the kernel's device-mapper, as far as ClarityOS
// uses them: read-only ones of one target, such as verity (the kernel's
// Documentation/admin-guide/device-mapper).
package mapper

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"clarityos/update/verity"
)

// control is the device that the module dm_mod makes.
const control = "/dev/mapper/control"

// sector is the unit of device-mapper, in bytes.
const sector = 512

// Target is the only one of a device.
type Target struct {
	Type   string // such as verity
	Size   int64  // bytes
	Params string
}

// Verity gives the target that checks the file system on the device data by the hash
// device. Tree says how it was made; its root is what is believed. To read a block that is
// not what its hash says fails (EIO), and makes an event: were the kernel to restart the
// machine, or to panic, nothing would be left that tells why.
func Verity(data, hashes string, tree *verity.Tree, root verity.Hash) Target {
	salt := hex.EncodeToString(tree.Salt)
	if salt == "" {
		salt = "-"
	}
	p := fmt.Sprintf("1 %s %s %d %d %d 1 sha256 %x %s", data, hashes, verity.Block, verity.Block, tree.Blocks, root, salt)
	return Target{Type: "verity", Size: int64(tree.Blocks) * verity.Block, Params: p}
}

// Create makes a read-only device and gives its name below /dev.
func Create(name string, t Target) (device string, err error) {
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("device-mapper: %w", err)
	}
	defer f.Close()
	create, err := request(name, 0, nil)
	if err != nil {
		return "", err
	}
	if err := call(f, unix.DM_DEV_CREATE, create); err != nil {
		return "", fmt.Errorf("make device %s: %w", name, err)
	}
	number := (*unix.DmIoctl)(unsafe.Pointer(&create[0])).Dev
	load, err := request(name, unix.DM_READONLY_FLAG, &t)
	if err == nil {
		if err = call(f, unix.DM_TABLE_LOAD, load); err != nil {
			err = fmt.Errorf("load the table %q of device %s: %w", t.Type+" "+t.Params, name, err)
		}
	}
	if err == nil {
		var resume []byte
		if resume, err = request(name, 0, nil); err == nil {
			err = call(f, unix.DM_DEV_SUSPEND, resume)
		}
	}
	if err != nil {
		remove, _ := request(name, 0, nil) // the name was taken before
		return "", errors.Join(err, call(f, unix.DM_DEV_REMOVE, remove))
	}
	return fmt.Sprintf("/dev/dm-%d", unix.Minor(number)), nil
}

func call(f *os.File, what uint, arg []byte) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(what), uintptr(unsafe.Pointer(&arg[0]))); e != 0 {
		return e
	}
	return nil
}

// request is the argument of an ioctl: struct dm_ioctl and, with a target, struct
// dm_target_spec and its parameters (include/uapi/linux/dm-ioctl.h).
func request(name string, flags uint32, t *Target) ([]byte, error) {
	head := unix.DmIoctl{Version: [3]uint32{unix.DM_VERSION_MAJOR, 0, 0}, Flags: flags}
	if len(name) >= len(head.Name) || strings.ContainsRune(name, '/') || name == "" {
		return nil, fmt.Errorf("%q is no name of a device", name)
	}
	copy(head.Name[:], name)
	size := int(unsafe.Sizeof(head))
	spec, params := unix.DmTargetSpec{}, []byte(nil)
	if t != nil {
		if len(t.Type) >= len(spec.Target_type) || t.Size <= 0 || t.Size%sector != 0 {
			return nil, fmt.Errorf("target %q of %d bytes: it takes a multiple of %d", t.Type, t.Size, sector)
		}
		copy(spec.Target_type[:], t.Type)
		spec.Length = uint64(t.Size / sector)
		params = append([]byte(t.Params), make([]byte, 8-len(t.Params)%8)...) // at least one 0 behind it
		spec.Next = uint32(int(unsafe.Sizeof(spec)) + len(params))
		head.Target_count = 1
		size += int(spec.Next)
	}
	head.Data_size, head.Data_start = uint32(max(size, 4096)), uint32(unsafe.Sizeof(head))
	b, err := binary.Append(nil, binary.NativeEndian, head)
	if err != nil || len(b) != int(unsafe.Sizeof(head)) {
		return nil, fmt.Errorf("encode a request to device-mapper: %d bytes, %w", len(b), err)
	}
	if t != nil {
		if b, err = binary.Append(b, binary.NativeEndian, spec); err != nil {
			return nil, fmt.Errorf("encode a request to device-mapper: %w", err)
		}
		b = append(b, params...)
	}
	return append(b, make([]byte, int(head.Data_size)-len(b))...), nil
}
