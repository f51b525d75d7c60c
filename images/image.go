package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The names inside an image's folder.
const (
	KernelFile    = "vmlinuz"
	InitramfsFile = "initramfs.zst"
	FactsFile     = "image.json"
)

// Image is a built image: a folder with a kernel, an initramfs and the facts
// that whoever boots it has to know. Build writes it, Open reads it.
type Image struct {
	// Dir is the folder, Kernel and Initramfs the files in it. They are not
	// stored: a moved folder is still the same image.
	Dir       string `json:"-"`
	Kernel    string `json:"-"`
	Initramfs string `json:"-"`

	Name string `json:"name"`
	Arch string `json:"arch"` // amd64 or arm64
	// ID is the SHA-256, in hex, of the uncompressed archive's content
	// without the plan, which is bound to it.
	ID string `json:"id"`
	// Epoch is the time, in Unix seconds, that all files carry.
	Epoch int64 `json:"epoch"`

	KernelRelease string `json:"kernel_release"` // e.g. 6.12.57+deb13-cloud-amd64
	Cmdline       string `json:"cmdline"`        // with console= and panic=
	Console       string `json:"console"`        // ttyS0 or ttyAMA0

	// Data says that the image wants a data disk, a file system labelled
	// clarity-var that is mounted on /var. DataSize is its size in bytes
	// when it has to be made.
	Data     bool   `json:"data"`
	DataSize uint64 `json:"data_size,omitempty"`

	Disk DiskLayout `json:"disk"` // when it is written as a disk

	Version string  `json:"version,omitempty"`
	Update  *Update `json:"update,omitempty"` // what it is to machines that take updates

	Forwards []Forward `json:"forwards,omitempty"`
	Memory   int       `json:"memory"` // MiB
	CPUs     int       `json:"cpus"`

	Units    []string  `json:"units"`              // enabled, in the definition's order
	Users    []string  `json:"users,omitempty"`    // "name uid gid", by uid
	Modules  []string  `json:"modules,omitempty"`  // names, those loaded at boot
	Packages []Package `json:"packages,omitempty"` // by name
	Findings []string  `json:"findings,omitempty"` // what units ask for and nothing enforces
	Parts    []Part    `json:"parts"`              // sizes, in the order they were added
	Baked    *Baked    `json:"baked,omitempty"`    // nil: nothing

	// Because is what asked for something: for "package NAME", "module NAME", another
	// part's name or a file's path, one of those, or words that begin with "definition"
	// or "default". What is not in it is there by itself.
	Because map[string]string `json:"because,omitempty"`
}

// DiskLayout is how the image lies on a disk. Sizes of partitions are in bytes, and 0 is the
// default.
type DiskLayout struct {
	Firmware string `json:"firmware,omitempty"` // what boots it: UEFI, UBoot or RaspberryPi
	ESP      uint64 `json:"esp,omitempty"`
	Slot     uint64 `json:"slot,omitempty"` // of each root
	Compress bool   `json:"compress,omitempty"`
}

// Forward is a TCP port of the guest that is reachable on the host's
// loopback address.
type Forward struct {
	Host  int `json:"host" toml:"host"`
	Guest int `json:"guest" toml:"guest"`
}

// Package is one Debian package of an image.
type Package struct {
	Name    string `json:"name" toml:"name"`
	Version string `json:"version" toml:"version"`
}

// Part is what one contributor added to the image: how many bytes of files
// before compression, and how many files, links and devices.
type Part struct {
	Name  string `json:"name"`
	Bytes uint64 `json:"bytes"`
	Files int    `json:"files"`
	// Paths are the files, sorted. A folder, which ends with a slash, stands for all
	// below it.
	Paths []string `json:"paths,omitempty"`
}

// Open reads the image in dir. The error says what is missing.
func Open(dir string) (*Image, error) {
	path := filepath.Join(dir, FactsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not an image: it has no %s; make one with `clarity build`", dir, FactsFile)
	}
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	img := &Image{}
	if err := json.Unmarshal(text, img); err != nil {
		return nil, fmt.Errorf("open image: %s: %w", path, err)
	}
	img.setDir(dir)
	for _, p := range []string{img.Kernel, img.Initramfs} {
		if _, err := os.Stat(p); err != nil {
			return nil, fmt.Errorf("image %s is not complete: %w; build it again", dir, err)
		}
	}
	return img, nil
}

func (i *Image) setDir(dir string) {
	i.Dir = dir
	i.Kernel = filepath.Join(dir, KernelFile)
	i.Initramfs = filepath.Join(dir, InitramfsFile)
}
