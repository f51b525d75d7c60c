package setup

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"clarityos/update/durable"

	"golang.org/x/sys/unix"
)

// Where identity lives across boots.
const (
	idFile   = "/var/lib/clarity/machine-id"
	seedFile = "/var/lib/clarity/random-seed"
)

// seedSize is the size of the random seed in bytes, as systemd and SeedRNG use.
const seedSize = 512

// machineID gives /etc/machine-id the id on /var, and draws one at the first
// boot. FirstBoot is told to conditions by a file in /run.
func machineID() error {
	id, err := os.ReadFile(idFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(strings.TrimSpace(string(id))) != 32 {
		var b [16]byte
		if _, err := rand.Read(b[:]); err != nil {
			return err
		}
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a version 4 UUID, as machine-id(5) wants
		id = append(hex.AppendEncode(nil, b[:]), '\n')
		if err := writeFile(idFile, id, 0o444); err != nil {
			return err
		}
		if err := os.WriteFile("/run/clarity/first-boot", nil, 0o444); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return os.WriteFile("/etc/machine-id", id, 0o444)
}

// loadSeed credits the seed that the last boot saved, and replaces it at once,
// so that no seed is ever used twice.
func loadSeed() error {
	seed, err := os.ReadFile(seedFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := saveSeed(); err != nil {
		return err
	}
	if len(seed) != seedSize {
		return nil
	}
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	// struct rand_pool_info of include/uapi/linux/random.h.
	info := struct {
		bits, size int32
		data       [seedSize]byte
	}{bits: 256, size: seedSize}
	copy(info.data[:], seed)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.RNDADDENTROPY, uintptr(unsafe.Pointer(&info))); e != 0 {
		return fmt.Errorf("credit the random seed: %w", e)
	}
	return nil
}

func saveSeed() error {
	seed := make([]byte, seedSize)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	return writeFile(seedFile, seed, 0o600)
}

// writeFile replaces a file so that a power cut leaves the old one or the new
// one, and makes its folder.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(path, data, mode)
}
