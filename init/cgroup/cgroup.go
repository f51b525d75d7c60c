// Package cgroup is PID 1's hold on cgroup v2: the tree, one group for each
// unit, signals to all of a group, its end.
//
// Groups are named as systemd names them, since tools look for those names:
// init.scope for PID 1, system.slice/UNIT for services, clarity.slice/UNIT for
// components. It imports the plan only.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// Root is where cgroup v2 is mounted.
const Root = "/sys/fs/cgroup"

// Group is one unit's cgroup; Path is below Root, FD its open folder.
type Group struct {
	Path string
	FD   int
}

// pidReserve is how many processes services leave to PID 1 and the components.
const pidReserve = 512

// Setup makes the tree.
func Setup() error {
	for _, dir := range []string{"init.scope", "system.slice", "clarity.slice"} {
		if err := os.Mkdir(Root+"/"+dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
	}
	return nil
}

// Protect moves the caller, which is PID 1, into init.scope and keeps services
// from taking all memory and process ids from it. The kernel waits for several
// grace periods meanwhile, so it is done once the boot is complete. What a
// kernel lacks is left out and told.
func Protect() error {
	return errors.Join(
		write("init.scope/cgroup.procs", "1"),
		enable("", "+memory +pids +cpu +io"),
		enable("system.slice", "+memory +pids"),
		write("init.scope/memory.min", "16777216"),
		write("system.slice/pids.max", strconv.Itoa(pidLimit())),
	)
}

// enable lets the groups below dir have limits of controllers; those that the
// kernel lacks do not keep the others out.
func enable(dir, controllers string) error {
	file := path.Join(dir, "cgroup.subtree_control")
	if write(file, controllers) == nil {
		return nil
	}
	var failed []error
	for _, c := range strings.Fields(controllers) {
		failed = append(failed, write(file, c))
	}
	return errors.Join(failed...)
}

// pidLimit keeps services from using up every process id or thread.
func pidLimit() int {
	limit := 1 << 22
	for _, f := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"} {
		if b, err := os.ReadFile(f); err == nil {
			if n, err := strconv.Atoi(string(bytes.TrimSpace(b))); err == nil {
				limit = min(limit, n)
			}
		}
	}
	return max(limit-pidReserve, limit/2)
}

// EnableBeside lets g and the groups beside it have limits of a controller's.
// That is done only when one asks for it, since each controller makes every
// group dearer.
func EnableBeside(g *Group, controller string) error {
	at := ""
	for _, part := range strings.Split(g.Path, "/") {
		if err := enable(at, "+"+controller); err != nil {
			return err
		}
		at = path.Join(at, part)
	}
	return nil
}

// Open makes the group if it is not there and opens it. A frozen one is thawed,
// since a child that is born frozen would hang before it executes.
func Open(name string) (*Group, error) {
	full := Root + "/" + name
	err := unix.Mkdir(full, 0o755)
	if err == unix.ENOENT { // a slice that nothing has asked for yet
		if err = os.MkdirAll(path.Dir(full), 0o755); err == nil {
			err = unix.Mkdir(full, 0o755)
		}
	}
	if err != nil && err != unix.EEXIST {
		return nil, fmt.Errorf("make cgroup %s: %w", name, err)
	}
	fd, openErr := unix.Open(full, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if openErr != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", name, openErr)
	}
	g := &Group{name, fd}
	if err == unix.EEXIST {
		g.Thaw()
	}
	return g, nil
}

// MakeSlice makes the group of a slice and sets what its unit asks for. Those
// above it are made too, without limits, if they are not there.
func MakeSlice(name string, settings []plan.Setting) error {
	if err := os.MkdirAll(Root+"/"+name, 0o755); err != nil {
		return fmt.Errorf("make cgroup %s: %w", name, err)
	}
	g := &Group{Path: name}
	for _, s := range settings {
		if err := g.Set(s.File, s.Value); err != nil {
			return fmt.Errorf("%s of slice %s: %w", s.File, name, err)
		}
	}
	return nil
}

// Delegate hands the group to a user, who may divide it further with the
// controllers that are named; none are all that there are.
func (g *Group) Delegate(uid, gid int, controllers []string) error {
	if controllers == nil {
		b, err := os.ReadFile(path.Join(Root, path.Dir(g.Path), "cgroup.controllers"))
		if err != nil {
			return err
		}
		controllers = strings.Fields(string(b))
	}
	for _, c := range controllers {
		if err := EnableBeside(g, c); err != nil {
			return fmt.Errorf("delegate controller %s: %w", c, err)
		}
	}
	for _, file := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
		if err := os.Chown(path.Join(Root, g.Path, file), max(uid, 0), max(gid, 0)); err != nil {
			return err
		}
	}
	return nil
}

// Below opens a group inside this one.
func (g *Group) Below(name string, uid, gid int) (*Group, error) {
	sub, err := Open(g.Path + "/" + name)
	if err == nil {
		err = os.Chown(Root+"/"+sub.Path, max(uid, 0), max(gid, 0))
	}
	return sub, err
}

// MemoryEvents is the path of the file that counts what the lack of memory did
// to the group. It is there once the memory controller is.
func (g *Group) MemoryEvents() string { return Root + "/" + g.Path + "/memory.events" }

// OOMKills counts the processes of the group that the kernel has killed for
// want of memory.
func (g *Group) OOMKills() uint64 {
	text, _ := g.read("memory.events")
	for line := range strings.Lines(text) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kills, _ := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
			return kills
		}
	}
	return 0
}

// Thaw lets the group's processes run, and those that are born in it execute.
func (g *Group) Thaw() {
	_ = g.Write("cgroup.freeze", "0") // not there before Linux 5.2
}

// Holds says whether a process is in the group or below it.
func (g *Group) Holds(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	return err == nil && below(string(b), g.Path)
}

// below says whether the text of a /proc/PID/cgroup names a group or one below
// it.
func below(text, group string) bool {
	for line := range strings.Lines(text) {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/"); ok {
			return at == group || strings.HasPrefix(at, group+"/")
		}
	}
	return false
}

// Write sets a file of the group, such as pids.max.
func (g *Group) Write(file, value string) error { return write(g.Path+"/"+file, value) }

func write(file, value string) error {
	f, err := os.OpenFile(Root+"/"+file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

// Events is the path of the file that tells whether the group is populated.
func (g *Group) Events() string { return Root + "/" + g.Path + "/cgroup.events" }

// Populated says whether a process is in the group or below it.
func (g *Group) Populated() bool {
	text, err := g.read("cgroup.events")
	return err == nil && strings.Contains(text, "populated 1")
}

// Number reads a file that holds one number, such as memory.current; 0 when it
// is not there.
func (g *Group) Number(file string) uint64 {
	text, _ := g.read(file)
	n, _ := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	return n
}

// read takes a small file of the group.
func (g *Group) read(file string) (string, error) {
	fd, err := unix.Openat(g.FD, file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var b [1024]byte
	n, err := unix.Read(fd, b[:])
	return string(b[:max(n, 0)]), err
}

// Processes lists the pids in the group and below it.
func (g *Group) Processes() []int {
	return processesBelow(Root + "/" + g.Path)
}

// processesBelow looks through folders only where there are groups below, as
// almost no service has them.
func processesBelow(dir string) []int {
	pids := processesIn(dir)
	if b, _ := os.ReadFile(dir + "/cgroup.stat"); bytes.Contains(b, []byte("nr_descendants 0\n")) {
		return pids
	}
	_ = fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && p != "." {
			pids = append(pids, processesIn(dir+"/"+p)...)
		}
		return nil
	})
	return pids
}

// processesIn lists the pids in one folder's group alone.
func processesIn(dir string) []int {
	var pids []int
	b, _ := os.ReadFile(dir + "/cgroup.procs")
	for _, f := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}

// Signal sends signals, one after another, to every process of the group.
func (g *Group) Signal(signals ...int) {
	for _, pid := range g.Processes() {
		for _, sig := range signals {
			_ = unix.Kill(pid, unix.Signal(sig)) // it may have ended meanwhile
		}
	}
}

// Kill ends every process of the group at once: with cgroup.kill, which a fork
// bomb cannot outrun, or before Linux 5.14 one by one.
func (g *Group) Kill() {
	if g.Write("cgroup.kill", "1") != nil {
		g.Signal(int(unix.SIGKILL))
	}
}

// Remove closes the group and removes it with all groups below, as far as they
// are empty.
func (g *Group) Remove() error {
	unix.Close(g.FD)
	return removeTree(Root + "/" + g.Path)
}

// Removed removes a group by its path, with all groups below, and says whether it
// is gone: one that has processes is not.
func Removed(path string) bool {
	err := removeTree(Root + "/" + path)
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(dir + "/" + e.Name()); err != nil {
				return err
			}
		}
	}
	return unix.Rmdir(dir)
}
