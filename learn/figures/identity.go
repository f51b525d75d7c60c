package figures

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"clarityos/learn/profiles"
	"clarityos/services/plan"
)

const (
	// maxHashed bounds what is read of a file, in bytes; of a larger one its size
	// stands for the rest.
	maxHashed = 256 << 20
	// maxFiles bounds the sums that are remembered.
	maxFiles = 1024
)

// Hasher gives identities of units. A file's content counts, not its times, which
// differ from image to image; it is read once for as long as its inode says that it
// has not changed. The zero value is ready. It is not safe for concurrent use.
type Hasher struct{ sums map[inode][sha256.Size]byte }

// inode tells a content apart on a machine that runs: ctime cannot be set.
type inode struct {
	dev, ino uint64
	size     int64
	ctime    syscall.Timespec
}

// Identity sums up what a unit runs: what the plan says of it, the programs of its
// ExecStart=, and the files below /etc and /usr that their arguments name or that
// its environment comes from. A file that cannot be read counts as none.
func (h *Hasher) Identity(u *plan.Unit) (id profiles.Identity, err error) {
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(u); err != nil {
		return id, fmt.Errorf("what %s runs: %w", u.Name, err)
	}
	if u.Service != nil {
		for _, c := range u.Service.Start {
			h.add(sum, c.Path)
			for _, arg := range c.Argv[min(1, len(c.Argv)):] {
				if strings.HasPrefix(arg, "/etc/") || strings.HasPrefix(arg, "/usr/") {
					h.add(sum, arg)
				}
			}
		}
		for _, f := range u.Service.Process.EnvFiles {
			h.add(sum, f.Path)
		}
	}
	copy(id[:], sum.Sum(nil))
	return id, nil
}

func (h *Hasher) add(sum hash.Hash, path string) {
	content, err := h.content(filepath.Clean(path))
	fmt.Fprintf(sum, "%q %t %x\n", path, err == nil, content)
}

// content sums up a regular file.
func (h *Hasher) content(path string) (out [sha256.Size]byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return out, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return out, fmt.Errorf("%s is no regular file", path)
	}
	at := inode{st.Dev, st.Ino, st.Size, st.Ctim}
	if known, ok := h.sums[at]; ok {
		return known, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer f.Close()
	sum := sha256.New()
	fmt.Fprintln(sum, st.Size)
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{io.LimitReader(f, maxHashed)}, make([]byte, 32<<10)); err != nil {
		return out, err
	}
	if h.sums == nil || len(h.sums) >= maxFiles {
		h.sums = map[inode][sha256.Size]byte{}
	}
	copy(out[:], sum.Sum(nil))
	h.sums[at] = out
	return out, nil
}
