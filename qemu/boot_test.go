package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/images/modules"
	"clarityos/qemu/agent"
)

// guestImage builds a bootable image of internal/guest on a Debian kernel.
func guestImage(t *testing.T, spec, arch string) *images.Image {
	t.Helper()
	kernel, err := images.FetchKernel(t.Context(), spec, arch, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "init")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./internal/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	tree := images.NewTree()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	must(tree.File("test", images.RankOwn, "/init", 0o755, text))
	for _, name := range []string{"clarityctl", "sh", "echo", "cat", "stamp"} {
		must(tree.Symlink("test", images.RankOwn, "/bin/"+name, "/init"))
	}
	must(tree.Put("/dev/console", images.Entry{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1, Part: "test"}))
	of, err := modules.OpenTree(os.DirFS(kernel.ModulesDir))
	must(err)
	chosen, err := of.Choose(nil, []string{"virtio_pci", "virtio_console", "virtio_blk"})
	must(err)
	for i, m := range chosen {
		must(tree.File("test", images.RankOwn, fmt.Sprintf("/modules/%02d-%s.ko", i, m.Name), 0o644, m.ELF))
	}
	var archive bytes.Buffer
	must(tree.WriteNewc(&archive, 0))
	initramfs := filepath.Join(dir, "initramfs")
	must(os.WriteFile(initramfs, archive.Bytes(), 0o644))
	console := map[string]string{"amd64": "ttyS0", "arm64": "ttyAMA0"}[arch]
	return &images.Image{
		Name: "guest", Arch: arch, Kernel: kernel.Image, Initramfs: initramfs,
		Cmdline: "panic=-1 quiet console=" + console, Console: console, Memory: 256, CPUs: 1,
	}
}

const bootLimit = time.Minute

// TestBoot goes once through the life of a machine, on the kernels that
// ClarityOS runs on.
func TestBoot(t *testing.T) {
	for _, tc := range []struct{ spec, arch string }{
		{"debian:trixie-cloud", "amd64"},
		{"debian:bookworm-cloud", "amd64"},
		{"debian:trixie-cloud", "arm64"},
	} {
		t.Run(tc.spec+" "+tc.arch, func(t *testing.T) {
			disk := filepath.Join(t.TempDir(), "with, comma")
			m := ForTest(t, Config{Image: guestImage(t, tc.spec, tc.arch), Disk: disk, DiskSize: 8 << 20})
			m.Must(bootLimit, m.ConsoleLine("^guest: up$"))
			say := func(args ...string) string {
				t.Helper()
				return m.MustRun(bootLimit, agent.Command{Args: args})
			}
			if got := say("echo", "hello", "guest"); got != "hello guest\n" {
				t.Fatalf("echo says %q", got)
			}
			if got := say("stamp", "first"); got != "8388608 \n" {
				t.Errorf("the disk is not blank: %q", got)
			}

			ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
			defer cancel()
			first, err := m.BootID(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Reboot(ctx); err != nil {
				t.Fatal(err)
			}
			if second, err := m.BootID(ctx); err != nil || second == first {
				t.Fatalf("boot id %q after a reboot, %v", second, err)
			}
			if got := say("stamp", "second"); got != "8388608 first\n" {
				t.Errorf("after the reboot the disk says %q", got)
			}

			m.CutPower()
			if m.Running() {
				t.Error("it runs with its power cut")
			}
			if err := m.PowerOn(); err != nil {
				t.Fatal(err)
			}
			if got := say("stamp", "third"); got != "8388608 second\n" {
				t.Errorf("after the power cut the disk says %q", got)
			}
			if err := m.PowerOff(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Run(ctx, agent.Command{Args: []string{"echo"}}); !errors.Is(err, agent.ErrClosed) {
				t.Errorf("a command with the power off gives %v", err)
			}
			var failed *WaitError
			if err := m.Await(ctx, bootLimit, m.ConsoleLine("never")); !errors.As(err, &failed) || !errors.Is(err, ErrOff) {
				t.Errorf("waiting with the power off gives %v", err)
			}
		})
	}
}

// Large content passes through the port in both directions, and commands that
// run when the guest resets end with an error, not with a wait.
func TestBootTraffic(t *testing.T) {
	m := ForTest(t, Config{Image: guestImage(t, "debian:trixie-cloud", "amd64")})
	content := bytes.Repeat([]byte("0123456789abcde\n"), 4<<20/16)
	ctx, cancel := context.WithTimeout(t.Context(), 2*bootLimit)
	defer cancel()
	if err := m.PushBytes(ctx, "/big", 0o600, content); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Fetch(ctx, "/big"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	lost := make(chan error, 1)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	running := make(chan struct{})
	go func() {
		_, err := m.Run(ctx, agent.Command{Args: []string{"cat"}, Stdin: reader, Stdout: told(running)})
		lost <- err
	}()
	if _, err := writer.WriteString("are you there?"); err != nil {
		t.Fatal(err)
	}
	<-running
	if err := m.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; !errors.Is(err, agent.ErrRestarted) {
		t.Errorf("the command that ran ended with %v", err)
	}
	if got := m.MustRun(bootLimit, agent.Command{Args: []string{"echo", "again"}}); got != "again\n" {
		t.Errorf("after the reset echo says %q", got)
	}
}

// told is a writer that closes the channel at its only write.
type told chan struct{}

func (c told) Write(p []byte) (int, error) { close(c); return len(p), nil }

// A kernel that panics is shown by its last words.
func TestBootPanic(t *testing.T) {
	img := guestImage(t, "debian:trixie-cloud", "amd64")
	m := ForTest(t, Config{Image: img, Append: "rdinit=/nowhere init=/nowhere", NoReboot: true})
	err := m.Await(t.Context(), bootLimit, m.AgentReady())
	var failed *WaitError
	if !errors.As(err, &failed) || !errors.Is(err, ErrOff) || !strings.Contains(failed.Tail, "Kernel panic") {
		t.Errorf("got %v", err)
	}
}

func TestBootCountInstructions(t *testing.T) {
	img := guestImage(t, "debian:trixie-cloud", "amd64")
	m := ForTest(t, Config{Image: img, CountInstructions: true})
	if got := m.MustRun(bootLimit, agent.Command{Args: []string{"echo", "counted"}}); got != "counted\n" {
		t.Errorf("echo says %q", got)
	}
}
