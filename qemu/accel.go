package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"clarityos/images"
)

// Accel is how QEMU runs the guest's instructions.
type Accel string

const (
	// Auto is KVM where it was seen to work, else TCG.
	Auto Accel = "auto"
	// TCG translates: it works everywhere, some ten times slower.
	TCG Accel = "tcg"
	// KVM runs them on the processor.
	KVM Accel = "kvm"
)

// AccelVariable is the environment variable that overrides the choice.
const AccelVariable = "CLARITY_ACCEL"

// probeLimit is how long a kernel may take under KVM to find that it has no
// root file system. It takes well under a second where KVM works.
const probeLimit = 10 * time.Second

// host is what the choice depends on.
type host struct {
	wish    string // AccelVariable
	arch    string
	openKVM func() error
	probe   func() bool
}

// choose decides how a guest of arch runs.
func (h host) choose(asked Accel, arch string, countInstructions bool) (Accel, error) {
	switch {
	case asked != "" && asked != Auto:
	case h.wish != "":
		asked = Accel(h.wish)
	default:
		asked = Auto
	}
	switch asked {
	case TCG:
		return TCG, nil
	case KVM:
		if arch != h.arch {
			return "", fmt.Errorf("KVM cannot run an %s guest on %s; set %s=tcg", arch, h.arch, AccelVariable)
		}
		if countInstructions {
			return "", fmt.Errorf("instructions cannot be counted under KVM; set %s=tcg", AccelVariable)
		}
		return KVM, nil
	case Auto:
		if arch == h.arch && !countInstructions && h.openKVM() == nil && h.probe() {
			return KVM, nil
		}
		return TCG, nil
	}
	return "", fmt.Errorf("%s=%s: it is tcg, kvm or auto", AccelVariable, asked)
}

// thisHost describes where we run. It probes with the config's kernel, once:
// the answer is kept in the user's cache folder until QEMU or the host's
// kernel changes.
func thisHost(ctx context.Context, c Config) host {
	return host{
		wish: os.Getenv(AccelVariable),
		arch: runtime.GOARCH,
		openKVM: func() error {
			f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
			if err == nil {
				f.Close()
			}
			return err
		},
		probe: func() bool {
			path, err := exec.LookPath(platforms[c.Image.Arch].program)
			if err != nil {
				return false
			}
			probe := func() bool {
				ctx, cancel := context.WithTimeout(ctx, probeLimit)
				defer cancel()
				return probeKVM(ctx, path, c.Image.Kernel, c.Image.Console)
			}
			cache, err := images.OpenCache()
			if err != nil {
				return probe() // nowhere to keep the answer
			}
			return remembered(filepath.Join(cache.Dir, "kvm.json"), hostKey(path), probe)
		},
	}
}

// hostKey changes when an earlier answer may not hold any more.
func hostKey(qemu string) string {
	var name unix.Utsname
	_ = unix.Uname(&name) // an empty name is a key too
	key := unix.ByteSliceToString(name.Release[:]) + " " + unix.ByteSliceToString(name.Version[:]) + " " + qemu
	if info, err := os.Stat(qemu); err == nil {
		key += fmt.Sprintf(" %d %d", info.Size(), info.ModTime().Unix())
	}
	return key
}

// remembered returns the answer that path holds for key, or asks and keeps it.
func remembered(path, key string, ask func() bool) bool {
	answers := map[string]bool{}
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &answers) != nil {
		answers = map[string]bool{}
	}
	if answer, ok := answers[key]; ok {
		return answer
	}
	answer := ask()
	answers[key] = answer
	if text, err := json.MarshalIndent(answers, "", "\t"); err == nil && os.MkdirAll(filepath.Dir(path), 0o755) == nil {
		_ = renameio.WriteFile(path, text, 0o644) // else the next start asks again
	}
	return answer
}

// safeVersion is the first QEMU that may translate on several threads: before
// it, a guest's processor that runs code which another one is patching may get
// half of the patch, and a kernel that switches a static key panics with "Oops:
// int3" (QEMU's commit deba78709a, "accel/tcg: Always lock pages before
// translation").
var safeVersion = []int{8, 1}

// threads returns how many threads TCG may have, as -accel's option says it, for
// what `qemu --version` writes.
func threads(version string) string {
	_, text, _ := strings.Cut(version, "version ")
	var v [2]int
	if n, _ := fmt.Sscanf(text, "%d.%d", &v[0], &v[1]); n == 2 && slices.Compare(v[:], safeVersion) >= 0 {
		return "multi"
	}
	return "single"
}

// probeKVM boots a kernel without a root file system, which panics when it
// gets there, and reports whether it did.
func probeKVM(ctx context.Context, qemu, kernel, console string) bool {
	cmd := exec.CommandContext(ctx, qemu, "-nodefaults", "-no-user-config", "-display", "none",
		"-accel", "kvm", "-cpu", "host", "-m", "256", "-no-reboot", "-serial", "stdio",
		"-kernel", kernel, "-append", "panic=-1 console="+console)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	runtime.LockOSThread() // Pdeathsig goes by thread
	defer runtime.UnlockOSThread()
	out, _ := cmd.Output() // what it wrote tells more than how it ended
	return bytes.Contains(out, []byte("Kernel panic - not syncing: VFS"))
}
