package cgroup

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// Figure reads a file of a group that holds one number, such as
// memory.current; ok is false when the kernel does not count it.
func Figure(group, file string) (n uint64, ok bool) {
	b, err := os.ReadFile(Root + "/" + group + "/" + file)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil
}

// Keyed reads one number of a file such as cpu.stat, which has a line "KEY
// NUMBER" for each; 0 when it is not there.
func Keyed(group, file, key string) uint64 {
	b, _ := os.ReadFile(Root + "/" + group + "/" + file)
	return keyed(string(b), key)
}

func keyed(text, key string) uint64 {
	for line := range strings.Lines(text) {
		if name, number, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == key {
			n, _ := strconv.ParseUint(number, 10, 64)
			return n
		}
	}
	return 0
}

// IO is what a group has read from block devices and written to them: bytes and
// operations.
type IO struct{ Read, Written, Reads, Writes uint64 }

// ReadIO sums io.stat over all devices.
func ReadIO(group string) IO {
	b, _ := os.ReadFile(Root + "/" + group + "/io.stat")
	return sumIO(string(b))
}

func sumIO(text string) (sum IO) {
	for _, word := range strings.Fields(text) {
		key, number, _ := strings.Cut(word, "=")
		n, _ := strconv.ParseUint(number, 10, 64)
		switch key {
		case "rbytes":
			sum.Read += n
		case "wbytes":
			sum.Written += n
		case "rios":
			sum.Reads += n
		case "wios":
			sum.Writes += n
		}
	}
	return sum
}

// Tasks counts the threads of a group and of those below it.
func Tasks(group string) uint64 {
	if n, ok := Figure(group, "pids.current"); ok {
		return n
	}
	n := 0
	g := Group{Path: group}
	for _, pid := range g.Processes() {
		threads, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task") // it may have ended meanwhile
		n += len(threads)
	}
	return uint64(n)
}

// Memory is memory.current, in bytes. The kernel counts a group only from when
// the controller was switched on for it: where it has counted less than one
// process alone has to itself, or nothing, this is the resident memory of all
// its processes instead, with what they share counted for each.
func Memory(group string) uint64 {
	var resident, largest uint64
	g := Group{Path: group}
	for _, pid := range g.Processes() {
		b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm") // it may have ended meanwhile
		all, shared := statm(string(b))
		resident += all
		largest = max(largest, all-shared)
	}
	page := uint64(os.Getpagesize())
	if n, ok := Figure(group, "memory.current"); ok && n >= largest*page {
		return n
	}
	return resident * page
}

// statm gives the resident pages of proc_pid_statm(5), and how many of them are
// of files and shared memory.
func statm(text string) (resident, shared uint64) {
	if f := strings.Fields(text); len(f) > 2 {
		resident, _ = strconv.ParseUint(f[1], 10, 64)
		shared, _ = strconv.ParseUint(f[2], 10, 64)
	}
	return resident, min(shared, resident)
}
