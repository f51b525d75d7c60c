package tuf

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// mostMemory is where the collector begins to work harder, and mostData where the
	// process ends: 5 MiB of JSON become some 100 MiB of maps.
	mostMemory = 256 << 20
	mostData   = 1 << 30

	// nobody is the user that trust.Refresh starts the child as. mostThreads bounds all
	// threads of that user, so there is room for a service that runs as it.
	nobody      = 65534
	mostThreads = 512
)

// confine takes from the process what reading metadata does not need. It returns what
// this kernel or this program lacks for that, and an error for what must not fail.
func confine() (missing []string, err error) {
	debug.SetMemoryLimit(mostMemory)
	limits := []struct {
		name     string
		resource int
		most     uint64
	}{
		{"RLIMIT_CORE", unix.RLIMIT_CORE, 0},
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE, 0},
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, 16},
		{"RLIMIT_DATA", unix.RLIMIT_DATA, mostData},
		{"RLIMIT_NPROC", unix.RLIMIT_NPROC, mostThreads},
	}
	for _, l := range limits {
		if l.resource == unix.RLIMIT_NPROC && os.Getuid() != nobody {
			continue // it counts all that the person runs
		}
		// syscall's, which knows that the runtime raised RLIMIT_NOFILE and would undo ours.
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.most, Max: l.most}); err != nil {
			return nil, fmt.Errorf("%s of %d: %w", l.name, l.most, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("not to be traced: %w", err)
	}
	switch err := landlock(); {
	case errors.Is(err, errNoLandlock):
		return []string{err.Error()}, nil
	case err != nil:
		return nil, err
	}
	return nil, nil
}
