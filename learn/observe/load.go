package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/google/renameio/v2"

	"clarityos/learn/status"
)

// Dir is where programs and maps are pinned, a folder for each generation.
const Dir = "/sys/fs/bpf/clarity"

// generation names the programs that this binary brings.
func generation() string {
	sum := sha256.Sum256(_ObserveBytes)
	return hex.EncodeToString(sum[:6])
}

// Load puts this binary's programs into the kernel, pins them below dir, which is
// on bpffs, and then takes those of other generations away. It needs some 40 MB
// while it runs. status.Hooks that the kernel does not have are left out and named; an
// error means that none is live. What was attached is written to record.
func Load(dir, record string) (status.Hooks, error) {
	h := status.Hooks{Generation: generation(), Missing: map[string]string{}}
	fail := func(err error) (status.Hooks, error) { return h, fmt.Errorf("load the observer's programs: %w", err) }
	at := filepath.Join(dir, h.Generation)
	if err := os.MkdirAll(at, 0o700); err != nil {
		return fail(err)
	}
	spec, err := loadObserve()
	if err != nil {
		return fail(err)
	}
	for name, m := range spec.Maps {
		m.Name, m.Pinning = name, ebpf.PinByName
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Programs)) {
		if err := attach(spec, name, at); err != nil {
			h.Missing[name] = err.Error()
			continue
		}
		h.Live = append(h.Live, name)
	}
	if len(h.Live) == 0 {
		return fail(fmt.Errorf("no hook could be attached: %s", h.Missing[slices.Sorted(maps.Keys(h.Missing))[0]]))
	}
	raw, err := json.Marshal(h)
	if err == nil {
		err = renameio.WriteFile(record, raw, 0o600)
	}
	if err != nil {
		return fail(err)
	}
	return h, retire(dir, h.Generation)
}

// attach loads one program, with the maps of those before it, and pins its link.
func attach(all *ebpf.CollectionSpec, name, at string) error {
	pin := filepath.Join(at, "link_"+name)
	if _, err := os.Stat(pin); err == nil {
		return nil // it lives
	}
	one := all.Copy()
	one.Programs = map[string]*ebpf.ProgramSpec{name: one.Programs[name]}
	coll, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: at}})
	if err != nil {
		return err
	}
	defer coll.Close()
	l, err := link.AttachTracing(link.TracingOptions{Program: coll.Programs[name]})
	if err != nil {
		return err
	}
	defer l.Close()
	return l.Pin(pin)
}

// retire takes away what other generations left.
func retire(dir, except string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != except {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// Attached gives what Load has written to record; ok is false when the programs of
// this binary are not there.
func Attached(record string) (h status.Hooks, ok bool) {
	raw, err := os.ReadFile(record)
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return h, false
	}
	return h, h.Generation == generation()
}
