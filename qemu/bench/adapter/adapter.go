// Package adapter knows how each init is set up to start a workload: the
// packages that it comes from, its configuration and the command that powers
// off. One file is one init; the file's comment says what a reader of its
// figures has to know.
//
// An adapter's image mounts /proc, /sys, /dev and a writable /run, starts the
// collector first, restarts a service that ends as soon as the init can, and
// reaches the kernel's power-off when PowerOff is run.
package adapter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clarityos/qemu/bench/workload"
)

// Init is an init system.
type Init struct {
	Name  string
	About string // one line
	Notes string // what a reader must know

	Packages []string // Debian packages to take files from, without what they depend on
	Programs []string // programs to build: C files, and packages of this module
	Shell    bool     // it runs a shell
	Busybox  bool     // the busybox, which is in every image, is part of this init

	PowerOff    []string // what the collector runs at the end
	CommandLine string   // more for the kernel's
	MostKills   int      // fewer kills, where restarts are throttled; 0 for no limit

	// Variants replaces a workload's own variants, by its name; an empty list
	// leaves the workload out.
	Variants map[string][]string

	// Build puts the init and its configuration into the root. Its errors are
	// the root's.
	Build func(*Root, Job)
}

// All are the inits, by name.
func All() []Init {
	return []Init{busybox(), clarityos(), clarityosWithLog(), finit(), floor(), gofloor(), openrc(), oracle(), runit(), s6(), systemd(), sysvinit()}
}

// Find returns the named ones.
func Find(names []string) ([]Init, error) {
	var found []Init
	all := All()
	for _, name := range names {
		i := slices.IndexFunc(all, func(i Init) bool { return i.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no init is called %q", name)
		}
		found = append(found, all[i])
	}
	return found, nil
}

// VariantsOf are the variants in which the init can start the workload.
func (i Init) VariantsOf(w workload.Workload) []string {
	if own, ok := i.Variants[w.Name]; ok {
		return own
	}
	if w.Special {
		return nil
	}
	return w.Variants
}

// Job is what an image is to start and to do.
type Job struct {
	workload.Workload
	Variant  string
	Kills    int      // services that the collector kills, one after another
	Orphans  int      // zombies that PID 1 inherits at once
	PowerOff []string // the init's
}

// NewJob is the job of one image; kills and orphans are what the user asked for.
// No service is killed twice, unless the workload wants that.
func NewJob(i Init, w workload.Workload, variant string, kills, orphans int) Job {
	kills = min(kills, len(w.Services))
	if w.Kills > 0 {
		kills = w.Kills
	}
	if i.MostKills > 0 {
		kills = min(kills, i.MostKills)
	}
	if w.NoOrphans {
		orphans = 0
	}
	return Job{Workload: w, Variant: variant, Kills: kills, Orphans: orphans, PowerOff: i.PowerOff}
}

// Declared says whether the init is told who needs whom.
func (j Job) Declared() bool { return strings.HasPrefix(j.Variant, workload.Declared) }

// Needs are what the init is told that s needs.
func (j Job) Needs(s workload.Service) []string {
	if j.Declared() {
		return s.Needs
	}
	return nil
}

// Collector is the command line of the collector, which observes the others.
func (j Job) Collector(options ...string) []string {
	return append([]string{
		workload.Program, "collector", "--mode", "collector",
		"--expect", strconv.Itoa(len(j.Services)),
		"--kills", strconv.Itoa(j.Kills),
		"--orphans", strconv.Itoa(j.Orphans),
		"--poweroff", strings.Join(j.PowerOff, ","),
	}, options...)
}

// lines joins lines to a text, empty ones left out.
func lines(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(l string) bool { return l == "" }), "\n") + "\n"
}

// mounts are the shell commands that mount what every image needs.
const mounts = `mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run`

// noGraph are the variants of an init that knows nothing of dependencies.
func noGraph() map[string][]string {
	return map[string][]string{"dag": {workload.Undeclared}, "chain": {workload.Undeclared}}
}
