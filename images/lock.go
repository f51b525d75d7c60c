package images

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"clarityos/images/debian"
	"clarityos/update/durable"

	"github.com/pelletier/go-toml/v2"
)

// Lock pins everything of an image that could change from outside: package
// versions, kernels, drawn ids and the time. It lies beside the definition and
// belongs into version control. One lock serves all architectures, suites and
// kernels that the definition is built for.
type Lock struct {
	// Epoch is the time of every file and the build time, in Unix seconds.
	Epoch int64 `toml:"epoch"`

	// Users and Groups are the ids that were drawn, by name. An id stays
	// here when its user is gone, so that nobody else gets its files.
	Users  map[string]int `toml:"users"`
	Groups map[string]int `toml:"groups"`

	Sets    []LockedSet    `toml:"set"`
	Kernels []LockedKernel `toml:"kernel"`
}

// LockedSet is the closure of one package list in one suite and architecture.
type LockedSet struct {
	Suite string `toml:"suite"`
	Arch  string `toml:"arch"`
	// What was asked for: a set only counts for the same question.
	Names  []string `toml:"names"`
	Omit   []string `toml:"omit"`
	Single []string `toml:"single,omitempty"`

	Packages []debian.Package `toml:"package"`
	// Singles are packages of which only some files are taken.
	Singles []debian.Package `toml:"single_package,omitempty"`
}

// LockedKernel is the packages that one kernel comes from.
type LockedKernel struct {
	Spec     string           `toml:"spec"` // debian:SUITE-FLAVOUR
	Arch     string           `toml:"arch"`
	Packages []debian.Package `toml:"package"`
}

const lockComment = "# Written by clarity build: what the image was made of. Keep it in version control;\n" +
	"# `clarity build --update` refreshes the packages.\n\n"

// ReadLock reads the lock at path. Without one it returns a new lock whose
// epoch is now, or SOURCE_DATE_EPOCH if that is set.
func ReadLock(path string, now time.Time) (*Lock, error) {
	l := &Lock{Users: map[string]int{}, Groups: map[string]int{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		l.Epoch = now.Unix()
		if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
			if _, err := fmt.Sscanf(s, "%d", &l.Epoch); err != nil {
				return nil, fmt.Errorf("SOURCE_DATE_EPOCH %q is not a number of seconds", s)
			}
		}
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read lock: %w", err)
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(l); err != nil {
		return nil, fmt.Errorf("read lock %s: %w; restore it from version control, or delete it to draw everything anew", path, err)
	}
	if l.Users == nil {
		l.Users = map[string]int{}
	}
	if l.Groups == nil {
		l.Groups = map[string]int{}
	}
	return l, nil
}

// LockPath is where the lock of the definition at path lies.
func LockPath(path string) string {
	return filepath.Join(filepath.Dir(path), "clarity.lock")
}

// encode returns the lock as text.
func (l *Lock) encode() ([]byte, error) {
	text, err := toml.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode lock: %w", err)
	}
	return append([]byte(lockComment), text...), nil
}

// Write replaces the lock at path if it would change.
func (l *Lock) Write(path string) error {
	text, err := l.encode()
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return durable.WriteFile(path, text, 0o644)
}

// set returns the locked answer to the question q, which is q with packages.
func (l *Lock) set(q LockedSet) (LockedSet, bool) {
	for _, s := range l.Sets {
		if s.Suite == q.Suite && s.Arch == q.Arch && slices.Equal(s.Names, q.Names) &&
			slices.Equal(s.Omit, q.Omit) && slices.Equal(s.Single, q.Single) {
			return s, true
		}
	}
	return q, false
}

// putSet records a set instead of the one of the same suite and architecture.
func (l *Lock) putSet(s LockedSet) {
	l.Sets = slices.DeleteFunc(l.Sets, func(o LockedSet) bool { return o.Suite == s.Suite && o.Arch == s.Arch })
	l.Sets = append(l.Sets, s)
	slices.SortFunc(l.Sets, func(a, b LockedSet) int {
		return slices.Compare([]string{a.Suite, a.Arch}, []string{b.Suite, b.Arch})
	})
}

func (l *Lock) kernel(spec, arch string) (LockedKernel, bool) {
	for _, k := range l.Kernels {
		if k.Spec == spec && k.Arch == arch {
			return k, true
		}
	}
	return LockedKernel{Spec: spec, Arch: arch}, false
}

func (l *Lock) putKernel(k LockedKernel) {
	l.Kernels = slices.DeleteFunc(l.Kernels, func(o LockedKernel) bool { return o.Spec == k.Spec && o.Arch == k.Arch })
	l.Kernels = append(l.Kernels, k)
	slices.SortFunc(l.Kernels, func(a, b LockedKernel) int {
		return slices.Compare([]string{a.Spec, a.Arch}, []string{b.Spec, b.Arch})
	})
}
