package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"clarityos/init/mapper"
	"clarityos/init/stage"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/verity"
)

const newRoot = "/sysroot"

// moved are the mounts that go along, with those below them.
var moved = []string{"/proc", "/sys", "/dev", "/run", "/tmp"}

// enter mounts the root of the slot that was chosen and executes its init, which is told
// when the slot is on trial. It returns only when that fails.
func enter(d bootdisk.Disk, root verity.Hash, trial bool, running slots.Running) error {
	data, hashes := bootdisk.Root+"-"+running.Slot, bootdisk.Verity+"-"+running.Slot
	if err := d.Has(data, hashes); err != nil {
		return err
	}
	tree, err := readTree(d.Parts[hashes].Device)
	if err != nil {
		return err
	}
	keys, err := readKeys(keysFile)
	if err != nil {
		return err
	}
	if keys != nil {
		if err := tree.Verify(root, keys); err != nil {
			return err
		}
	}
	device, err := mapper.Create(data, mapper.Verity(d.Parts[data].Device, d.Parts[hashes].Device, tree, root))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(newRoot, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(device, newRoot, "erofs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount %s as the root: %w", data, err)
	}
	if err := writable(newRoot, "/etc", "/var"); err != nil {
		return err
	}
	running.Times.Root = sinceBoot()
	text, err := json.Marshal(running)
	if err == nil {
		err = os.WriteFile(slots.RunningFile, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("say which slot was chosen: %w", err)
	}
	env := append(os.Environ(), stage.Moved+"=1")
	if trial {
		env = append(env, stage.Trial+"=1")
	}
	return become(newRoot, "/init", env)
}

// rootOf is the root hash of a slot: by the record or, where there is none, the loader's.
func rootOf(r *slots.Record, s slots.Slot, loaded verity.Hash) verity.Hash {
	if r != nil && r.Side(s).Root != (verity.Hash{}) {
		return r.Side(s).Root
	}
	return loaded
}

// writable lays memory over folders of a root, so that what is written there is gone with
// the next boot.
func writable(root string, dirs ...string) error {
	for _, d := range dirs {
		upper, work := "/run/clarity/over"+d+"/upper", "/run/clarity/over"+d+"/work"
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		if err := unix.Mount("overlay", root+d, "overlay", 0, "lowerdir="+root+d+",upperdir="+upper+",workdir="+work); err != nil {
			return fmt.Errorf("lay memory over %s: %w", d, err)
		}
	}
	return nil
}

func readTree(device string) (*verity.Tree, error) {
	f, err := os.Open(device)
	if err != nil {
		return nil, fmt.Errorf("hash tree: %w", err)
	}
	defer f.Close()
	b := make([]byte, verity.Block)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("hash tree of %s: %w", device, err)
	}
	tree, err := verity.Superblock(b)
	if err != nil {
		return nil, fmt.Errorf("hash tree of %s: %w", device, err)
	}
	return tree, nil
}

// keysFile has the keys, a line each in base64, of which one must have signed a root. Without
// the file none needs to be signed.
const keysFile = "/etc/clarity/root.keys"

func readKeys(path string) (keys []ed25519.PublicKey, err error) {
	text, err := lines(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	keys = []ed25519.PublicKey{}
	for _, line := range text {
		key, wrong := base64.StdEncoding.DecodeString(line)
		if wrong != nil || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%s: %q is no key", path, line)
		}
		keys = append(keys, key)
	}
	return keys, err
}

// become gives the memory of the initramfs back, makes root the root, and executes its
// program.
func become(root, program string, env []string) error {
	if _, err := os.Stat(root + program); err != nil {
		return fmt.Errorf("the root has no init: %w", err)
	}
	for _, m := range moved {
		if err := unix.Mount(m, root+m, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s into the root: %w", m, err)
		}
	}
	if err := errors.Join(empty("/", root), unix.Chdir(root), unix.Mount(".", "/", "", unix.MS_MOVE, ""), unix.Chroot("."), unix.Chdir("/")); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return fmt.Errorf("execute %s: %w", program, unix.Exec(program, []string{program}, env))
}

// empty removes what lies in a folder on its own file system, but for keep.
func empty(dir, keep string) error {
	var own unix.Stat_t
	if err := unix.Lstat(dir, &own); err != nil {
		return err
	}
	return emptyOn(dir, keep, uint64(own.Dev))
}

func emptyOn(dir, keep string, device uint64) error {
	all, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		path := filepath.Join(dir, e.Name())
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil || uint64(st.Dev) != device || path == keep {
			continue
		}
		if e.IsDir() {
			_ = emptyOn(path, keep, device) // what stays only takes memory
		}
		_ = os.Remove(path)
	}
	return nil
}
