package learn

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/learn/predict"
	"clarityos/services/plan"
)

const (
	// maxFiles bounds the files whose sizes are added up; of a unit with more, what
	// they take is not known.
	maxFiles = 2000
	// quietMost is the share of the last ten seconds in which some task waited for a
	// processor or a disk, in percent, up to which a machine is quiet.
	quietMost = 10
)

var errTooMany = errors.New("too many files")

// filesOf is what the files of a unit's own folders take, and how much they can.
func filesOf(u *plan.Unit) (r predict.Reading, ok bool) {
	if u.Service == nil {
		return r, false
	}
	files := 0
	for _, dir := range owned(u) {
		var at unix.Statfs_t
		if err := unix.Statfs(dir, &at); err != nil {
			continue // it is not there yet
		}
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // it has gone meanwhile
			}
			if files++; files > maxFiles {
				return errTooMany
			}
			if info, err := d.Info(); err == nil {
				r.Value += float64(info.Sys().(*syscall.Stat_t).Blocks) * 512 // as stat(2) has it
			}
			return nil
		})
		if err != nil {
			return r, false
		}
		if left := float64(at.Bavail) * float64(at.Bsize); !ok || left < r.Limit {
			r.Limit, r.Of, ok = left, "what is left of the file system of "+dir, true
		}
	}
	r.Kind, r.Limit = predict.Disk, r.Limit+r.Value
	return r, ok
}

// isQuiet says whether little waits for processors and disks (the kernel's
// Documentation/accounting/psi.rst). A kernel that does not say is quiet.
func isQuiet() bool {
	for _, of := range []string{"cpu", "io"} {
		raw, _ := os.ReadFile("/proc/pressure/" + of)
		var share float64
		if _, err := fmt.Sscanf(string(raw), "some avg10=%f", &share); err == nil && share > quietMost {
			return false
		}
	}
	return true
}

// reclaim has the kernel take back memory of a cgroup, in bytes, and gives how much
// there is less of it. No more is asked for than caches hold and swap has room for:
// without, the kernel would go round and round over what runs. That it finds less is no
// error.
func reclaim(group string, most uint64) (freed uint64, err error) {
	before, err := current(group)
	if err != nil {
		return 0, err
	}
	can := field("/proc/meminfo", "SwapFree:") << 10
	for _, key := range []string{"inactive_file", "active_file", "slab_reclaimable"} {
		can += field(filepath.Join(group, "memory.stat"), key) / 2
	}
	if most = min(most, can); most == 0 {
		return 0, nil
	}
	err = os.WriteFile(filepath.Join(group, "memory.reclaim"), []byte(strconv.FormatUint(most, 10)), 0)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return 0, fmt.Errorf("reclaim memory, which kernels can from 5.19 on: %w", err)
	}
	after, err := current(group)
	return before - min(before, after), err
}

// field gives the number behind a word that begins a line of a file; 0 where there is
// none.
func field(file, word string) (n uint64) {
	raw, _ := os.ReadFile(file)
	for line := range bytes.Lines(raw) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[0]) == word {
			n, _ = strconv.ParseUint(string(f[1]), 10, 64)
		}
	}
	return n
}

func current(group string) (uint64, error) {
	raw, err := os.ReadFile(filepath.Join(group, "memory.current"))
	if err != nil {
		return 0, fmt.Errorf("how much memory is in use: %w", err)
	}
	return strconv.ParseUint(string(bytes.TrimSpace(raw)), 10, 64)
}
