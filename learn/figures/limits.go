package figures

import (
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"

	"clarityos/learn/predict"
)

// Readings gives what a unit, whose cgroup is at a path below the root, has of what may
// run out, and how much it can have: by its own limits, those of the slices that it is
// in, and what is left in the machine.
func (r Reader) Readings(group, unit string) (out []predict.Reading) {
	for _, read := range []func(string, string) (predict.Reading, bool){r.memory, r.tasks, r.descriptors} {
		if v, ok := read(group, unit); ok {
			out = append(out, v)
		}
	}
	return out
}

// room is what limits a value.
type room struct {
	left float64
	of   string
}

func (r *room) under(left float64, of string) {
	if r.of == "" || left < r.left {
		*r = room{max(left, 0), of}
	}
}

// limits goes through a cgroup and those that it is in, up to the root.
func limits(group, unit string, each func(group, of string)) {
	for of := unit; group != "." && group != "/" && group != ""; group, of = path.Dir(group), path.Base(path.Dir(group)) {
		each(group, of)
	}
}

// memory is what cannot be had back by dropping caches: what memory.current counts but
// for files and the slabs that can be reclaimed (cgroup-v2.rst, memory.stat). What is
// in a tmpfs is a file there but cannot be dropped.
func (r Reader) memory(group, unit string) (predict.Reading, bool) {
	held := func(group string) (float64, bool) {
		n, ok := number(bytes.TrimSpace(r.file(group, "memory.current")))
		stat := r.file(group, "memory.stat")
		for _, key := range []string{"inactive_file", "active_file", "slab_reclaimable"} {
			m, _ := keyed(stat, key)
			n -= min(m, n)
		}
		return float64(n), ok
	}
	v, ok := held(group)
	if !ok {
		n, known := r.resident(group)
		if v = float64(n); !known {
			return predict.Reading{}, false
		}
	}
	var left room
	if free, ok := r.available(); ok {
		left.under(free, "what the machine has")
	}
	limits(group, unit, func(group, of string) {
		for _, l := range []struct{ file, key string }{{"memory.max", "MemoryMax="}, {"memory.high", "MemoryHigh="}} {
			most, ok := number(bytes.TrimSpace(r.file(group, l.file)))
			if !ok {
				continue
			}
			used := v
			if of != unit {
				used, ok = held(group)
			}
			if ok {
				left.under(float64(most)-used, l.key+" of "+of)
			}
		}
	})
	return predict.Reading{Kind: predict.Memory, Value: v, Limit: v + left.left, Of: left.of}, left.of != ""
}

// available is MemAvailable of proc_meminfo(5), in bytes.
func (r Reader) available() (float64, bool) {
	b, _ := fs.ReadFile(r.Proc, "meminfo")
	for line := range bytes.Lines(b) {
		var kB uint64
		if _, err := fmt.Sscanf(string(line), "MemAvailable: %d kB", &kB); err == nil {
			return float64(kB) * 1024, true
		}
	}
	return 0, false
}

// tasks are processes and threads.
func (r Reader) tasks(group, unit string) (predict.Reading, bool) {
	count := func(group string) (float64, bool) {
		n, ok := number(bytes.TrimSpace(r.file(group, "pids.current")))
		return float64(n), ok
	}
	v, ok := count(group)
	if !ok {
		return predict.Reading{}, false
	}
	var left room
	limits(group, unit, func(group, of string) {
		if most, ok := number(bytes.TrimSpace(r.file(group, "pids.max"))); ok {
			n := v
			if of != unit {
				n, ok = count(group)
			}
			if ok {
				left.under(float64(most)-n, "TasksMax= of "+of)
			}
		}
	})
	if load, err := fs.ReadFile(r.Proc, "loadavg"); err == nil {
		var a, b, c float64
		var running, all uint64
		_, err := fmt.Sscanf(string(load), "%f %f %f %d/%d", &a, &b, &c, &running, &all)
		for _, file := range []string{"sys/kernel/threads-max", "sys/kernel/pid_max"} {
			raw, _ := fs.ReadFile(r.Proc, file)
			if most, ok := number(bytes.TrimSpace(raw)); ok && err == nil {
				left.under(float64(most)-float64(all), "kernel."+path.Base(file))
			}
		}
	}
	return predict.Reading{Kind: predict.Tasks, Value: v, Limit: v + left.left, Of: left.of}, left.of != ""
}

// descriptors are the open files of the process that is nearest to its limit.
func (r Reader) descriptors(group, unit string) (out predict.Reading, ok bool) {
	b, err := fs.ReadFile(r.Cgroups, path.Join(group, "cgroup.procs"))
	if err != nil || bytes.Count(b, []byte{'\n'}) > maxProcesses {
		return out, false
	}
	for pid := range bytes.FieldsSeq(b) {
		n, counted := r.open(string(pid))
		most, limited := r.mayOpen(string(pid))
		if counted && limited && (!ok || n/most > out.Value/out.Limit) {
			out, ok = predict.Reading{Kind: predict.Descriptors, Value: n, Limit: most, Of: "LimitNOFILE= of " + unit}, true
		}
	}
	return out, ok
}

// open counts the open files of a process: since Linux 6.2 that is the size of its
// folder of them (proc_pid_fd(5)).
func (r Reader) open(pid string) (float64, bool) {
	dir := path.Join(pid, "fd")
	if info, err := fs.Stat(r.Proc, dir); err == nil && info.Size() > 0 {
		return float64(info.Size()), true
	}
	all, err := fs.ReadDir(r.Proc, dir)
	return float64(len(all)), err == nil
}

// mayOpen is the soft limit of proc_pid_limits(5).
func (r Reader) mayOpen(pid string) (float64, bool) {
	b, _ := fs.ReadFile(r.Proc, path.Join(pid, "limits"))
	for line := range strings.Lines(string(b)) {
		if after, ok := strings.CutPrefix(line, "Max open files"); ok {
			f := strings.Fields(after)
			if len(f) == 0 {
				return 0, false
			}
			n, ok := number([]byte(f[0]))
			return float64(n), ok && n > 0
		}
	}
	return math.NaN(), false
}
