// Package stage is what PID 1 does before anything else: the kernel's file
// systems, standard descriptors, host name, loopback, a clock that is not
// absurd; and, from an initramfs, the change to another root. All of it is in
// memory and none of it can hang. It imports nothing of ours.
package stage

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// mount is one line of what has to be mounted. Optional ones are kernel
// features that may be missing.
type mount struct {
	source, target, kind string
	flags                uintptr
	options              string
	optional             bool
}

const noExec = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

var mounts = []mount{
	{"proc", "/proc", "proc", noExec, "", false},
	{"sysfs", "/sys", "sysfs", noExec, "", false},
	{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755", false},
	{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666", true},
	{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", true},
	{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755", false},
	{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", true},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", noExec, "nsdelegate,memory_recursiveprot", false},
	{"bpf", "/sys/fs/bpf", "bpf", noExec, "mode=0700", true},
	{"tracefs", "/sys/kernel/tracing", "tracefs", noExec, "mode=0700", true},
	{"securityfs", "/sys/kernel/security", "securityfs", noExec, "", true},
}

// Moved is the variable by which stage 1 says that it has mounted these, and moved them
// along. Whatever else is mounted there, as in a mount namespace, is mounted over.
const Moved = "CLARITY_MOVED"

// Trial is the variable by which stage 1 says that this boot of a root slot is to be judged.
const Trial = "CLARITY_TRIAL"

// Mount mounts the kernel's file systems. What is missing and optional is told
// in notes; without the others nothing can run, and that is the error.
func Mount() (notes []string, err error) {
	var lacking []error
	for _, m := range mounts {
		_ = os.MkdirAll(m.target, 0o755) // the mount tells if that failed
		if os.Getenv(Moved) != "" && mounted(m.target) {
			continue
		}
		err := unix.Mount(m.source, m.target, m.kind, m.flags, m.options)
		if err == unix.EINVAL && m.kind == "cgroup2" {
			err = unix.Mount(m.source, m.target, m.kind, m.flags, "nsdelegate") // before Linux 5.7
		}
		switch {
		case err == nil || err == unix.EBUSY:
		case m.optional:
			notes = append(notes, fmt.Sprintf("no %s on %s: %v", m.kind, m.target, err))
		default:
			lacking = append(lacking, fmt.Errorf("mount %s on %s: %w", m.kind, m.target, err))
		}
	}
	for link, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "fd/0", "/dev/stdout": "fd/1", "/dev/stderr": "fd/2", "/dev/ptmx": "pts/ptmx",
		"/var/run": "../run",
	} {
		if link == "/dev/ptmx" {
			_ = os.Remove(link)
		}
		_ = os.Symlink(target, link) // some are there already
	}
	for _, dir := range []string{"/run/lock", "/run/clarity/notify"} {
		_ = os.MkdirAll(dir, 0o755)
	}
	return notes, errors.Join(lacking...)
}

// mounted says whether something is mounted on a folder.
func mounted(path string) bool {
	var own, above unix.Stat_t
	return unix.Stat(path, &own) == nil && unix.Stat(path+"/..", &above) == nil && own.Dev != above.Dev
}

// StandardFiles makes sure that descriptors 0, 1 and 2 are something, so that
// no other file ever gets their numbers.
func StandardFiles() {
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDWR, 0)
		if err != nil {
			return
		}
		if fd > 2 {
			unix.Close(fd)
			return
		}
	}
}

// Hostname sets the host name; "" leaves the kernel's.
func Hostname(name string) error {
	if name == "" {
		return nil
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set host name %s: %w", name, err)
	}
	return nil
}

// Loopback brings the interface lo up; the kernel gives it its addresses.
func Loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

// Clock sets the clock forward to built (Unix seconds) when it is before it, as
// on boards without a battery. It says whether it did.
func Clock(built int64) (bool, error) {
	if time.Now().Unix() >= built {
		return false, nil
	}
	if err := unix.Settimeofday(&unix.Timeval{Sec: built}); err != nil {
		return false, fmt.Errorf("set the clock to the image's time: %w", err)
	}
	return true, nil
}

// CommandLine gives the words of the kernel's command line.
func CommandLine() []string {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}
