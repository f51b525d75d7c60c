package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"clarityos/init/mapper"
	"clarityos/init/stage"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/verity"
)

const newRoot = "/sysroot"

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
	if err := stage.Writable(newRoot, "/etc", "/var"); err != nil {
		return err
	}
	running.Root, running.Times.Root = hex.EncodeToString(root[:]), sinceBoot()
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
	return stage.Become(newRoot, "/init", env)
}

// rootOf is the root hash of a slot: by the record or, where there is none, the loader's.
func rootOf(r *slots.Record, s slots.Slot, loaded verity.Hash) verity.Hash {
	if r != nil && r.Side(s).Root != (verity.Hash{}) {
		return r.Side(s).Root
	}
	return loaded
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
