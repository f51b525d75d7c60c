// Package figures reads what a unit uses: the files of its cgroup (cgroup v2, the
// kernel's Documentation/admin-guide/cgroup-v2.rst) and its processes' memory. What
// has no file, since its controller is off, is not known, and is not 0.
package figures

import (
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"time"

	"clarityos/learn/profiles"
	"clarityos/services/psi"
)

// maxProcesses bounds the processes whose memory is added up; of a unit with more it
// is not known.
const maxProcesses = 256

// Reader reads from a machine's file systems.
type Reader struct {
	Cgroups  fs.FS  // /sys/fs/cgroup
	Proc     fs.FS  // /proc
	PageSize uint64 // bytes
}

// Busy is for how long the processes of a cgroup have run, or waited for a processor or a
// disk, as far as the kernel counts it (Documentation/accounting/psi.rst).
func (r Reader) Busy(group string) time.Duration {
	us, _ := keyed(r.file(group, "cpu.stat"), "usage_usec")
	busy := time.Duration(us) * time.Microsecond
	for _, file := range []string{"cpu.pressure", "io.pressure"} {
		waited, _ := psi.Some(r.file(group, file))
		busy += waited
	}
	return busy
}

// Read gives what the cgroup at a path below the root has used, and uses.
func (r Reader) Read(group string) map[profiles.Measure]float64 {
	out := map[profiles.Measure]float64{}
	for _, f := range []struct {
		measure profiles.Measure
		file    string
	}{
		{profiles.Memory, "memory.current"}, {profiles.MemoryPeak, "memory.peak"}, {profiles.Tasks, "pids.current"},
	} {
		if n, ok := number(bytes.TrimSpace(r.file(group, f.file))); ok {
			out[f.measure] = float64(n)
		}
	}
	if n, ok := keyed(r.file(group, "cpu.stat"), "usage_usec"); ok {
		out[profiles.CPU] = float64(n) / 1e6
	}
	stat := r.file(group, "memory.stat")
	for _, k := range []struct {
		measure profiles.Measure
		key     string
	}{
		{profiles.PageCache, "file"}, {profiles.Faults, "pgfault"}, {profiles.MajorFaults, "pgmajfault"},
	} {
		if n, ok := keyed(stat, k.key); ok {
			out[k.measure] = float64(n)
		}
	}
	if read, written, ok := r.io(group); ok {
		out[profiles.Read], out[profiles.Written] = float64(read), float64(written)
	}
	if n, ok := r.resident(group); ok {
		out[profiles.Resident] = float64(n)
	}
	return out
}

func (r Reader) file(group, name string) []byte {
	b, err := fs.ReadFile(r.Cgroups, path.Join(group, name))
	if err != nil {
		return nil
	}
	return b
}

// io adds up the devices of io.stat, which is empty until the first access to one.
func (r Reader) io(group string) (read, written uint64, ok bool) {
	b, err := fs.ReadFile(r.Cgroups, path.Join(group, "io.stat"))
	if err != nil {
		return 0, 0, false
	}
	for word := range bytes.FieldsSeq(b) {
		key, value, _ := bytes.Cut(word, []byte{'='})
		n, _ := number(value)
		switch string(key) {
		case "rbytes":
			read += n
		case "wbytes":
			written += n
		}
	}
	return read, written, true
}

// resident adds up field 2 of proc_pid_statm(5).
func (r Reader) resident(group string) (pages uint64, ok bool) {
	b, err := fs.ReadFile(r.Cgroups, path.Join(group, "cgroup.procs"))
	if err != nil || bytes.Count(b, []byte{'\n'}) > maxProcesses {
		return 0, false
	}
	for pid := range bytes.FieldsSeq(b) {
		statm, err := fs.ReadFile(r.Proc, path.Join(string(pid), "statm"))
		if f := bytes.Fields(statm); err == nil && len(f) > 1 { // else it has ended
			n, _ := number(f[1])
			pages += n
		}
	}
	return pages * r.PageSize, true
}

// keyed gives the number behind a key of a flat keyed file.
func keyed(b []byte, key string) (uint64, bool) {
	for line := range bytes.Lines(b) {
		if k, v, ok := bytes.Cut(bytes.TrimSpace(line), []byte{' '}); ok && string(k) == key {
			return number(v)
		}
	}
	return 0, false
}

func number(b []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(b), 10, 64)
	return n, err == nil
}
