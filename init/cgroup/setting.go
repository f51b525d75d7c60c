package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Set writes a setting of the plan to a file of the group, such as pids.max.
// The controller is switched on beside the group if it is off. What only this
// machine knows is filled in: a share such as "25%" of its memory or of its
// process ids, and the number of a device that is named by its path. A look at
// a device can hang: call it from a pool.
func (g *Group) Set(file, value string) error {
	value, err := resolve(file, value)
	if err != nil {
		return err
	}
	if err = g.Write(file, value); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	controller, _, _ := strings.Cut(file, ".")
	if err := EnableBeside(g, controller); err != nil {
		return fmt.Errorf("controller %s: %w", controller, err)
	}
	return g.Write(file, value)
}

func resolve(file, value string) (string, error) {
	if share, ok := strings.CutSuffix(value, "%"); ok {
		percent, err := strconv.ParseFloat(share, 64)
		if err != nil {
			return "", fmt.Errorf("share %q: %w", value, err)
		}
		whole := uint64(pidLimit())
		if strings.HasPrefix(file, "memory.") {
			if whole, err = memoryBytes(); err != nil {
				return "", err
			}
		}
		return strconv.FormatUint(uint64(float64(whole)*percent/100), 10), nil
	}
	if path, rest, ok := strings.Cut(value, " "); ok && strings.HasPrefix(path, "/") {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return "", fmt.Errorf("device %s: %w", path, err)
		}
		device := st.Rdev
		if st.Mode&unix.S_IFMT != unix.S_IFBLK {
			device = st.Dev // a file stands for the device that it lies on
		}
		return fmt.Sprintf("%d:%d %s", unix.Major(device), unix.Minor(device), rest), nil
	}
	return value, nil
}

func memoryBytes() (uint64, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		var kB uint64
		if n, _ := fmt.Sscanf(string(line), "MemTotal: %d kB", &kB); n == 1 {
			return kB << 10, nil
		}
	}
	return 0, errors.New("/proc/meminfo has no MemTotal")
}
