package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clarityos/images/disk"
	"clarityos/images/flash"
)

func TestFlashProgress(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		want     string
	}{
		{true, "\r  writing     1%  1.0 MiB of 100 MiB\x1b[K" +
			"\r  writing    18%  18.0 MiB of 100 MiB  83.3 MiB/s  1s left\x1b[K" +
			"\r  writing    35%  35.0 MiB of 100 MiB  83.3 MiB/s  1s left\x1b[K" +
			"\r  writing    52%  52.0 MiB of 100 MiB  83.3 MiB/s  1s left\x1b[K" +
			"\r  writing    69%  69.0 MiB of 100 MiB  83.3 MiB/s  0s left\x1b[K" +
			"\r  writing    86%  86.0 MiB of 100 MiB  83.3 MiB/s  0s left\x1b[K" +
			"\r  writing   100%  100 MiB of 100 MiB  83.3 MiB/s\x1b[K\n" +
			"\r  checking  100%  5.0 MiB of 5.0 MiB\x1b[K\nsaid\n"},
		{false, "  writing     1%  1.0 MiB of 100 MiB\n  writing   100%  100 MiB of 100 MiB  83.3 MiB/s\n  checking  100%  5.0 MiB of 5.0 MiB\nsaid\n"},
	} {
		var out strings.Builder
		now := time.Unix(1000, 0)
		p := &flashProgress{out: &out, terminal: c.terminal, now: func() time.Time { return now }}
		for n := int64(1); n <= 100; n++ {
			p.step(flash.Step{Name: "writing", Done: n << 20, Total: 100 << 20})
			now = now.Add(12 * time.Millisecond)
		}
		p.step(flash.Step{Name: "checking", Done: 5 << 20, Total: 5 << 20})
		p.say("said")
		if out.String() != c.want {
			t.Errorf("on a terminal %v:\n%q\nand not\n%q", c.terminal, out.String(), c.want)
		}
	}
}

// The command line: a disk goes to a file, Ctrl-C ends that, and a second command finishes.
func TestFlash(t *testing.T) {
	dir := t.TempDir()
	placed, size, err := disk.Place("an image", []disk.Partition{{Name: "root", Type: disk.Root["amd64"], Size: 200 << 20, Fill: func(w io.WriterAt) error {
		b := make([]byte, 1<<20)
		for at := range int64(200) {
			b[0] = byte(at)
			if _, err := w.WriteAt(b, at<<20); err != nil {
				return err
			}
		}
		return nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	image, device, program := filepath.Join(dir, "image.raw"), filepath.Join(dir, "device"), filepath.Join(dir, "clarity")
	if err := disk.Write(image, "an image", placed, size); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(device, size+5<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, "flash", "--keep-guids", image, device)
	out := &interrupter{cmd: cmd}
	cmd.Stderr = out
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "was interrupted: it has no partition table now") {
		t.Errorf("after Ctrl-C: %v\n%s", err, out.String())
	}
	first := make([]byte, 1024)
	f, err := os.Open(device)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(first, 0); err != nil || strings.Trim(string(first), "\x00") != "" {
		t.Errorf("it begins with %q: %v", first, err)
	}
	text, err := exec.Command(program, "flash", "--keep-guids", "--resume", image, device).CombinedOutput()
	if err != nil || !strings.Contains(string(text), "all of it reads back right") {
		t.Errorf("resumed: %v\n%s", err, text)
	}
	if _, err := f.ReadAt(first, 0); err != nil || string(first[512:520]) != "EFI PART" {
		t.Errorf("it begins with %q: %v", first, err)
	}
}

// interrupter presses Ctrl-C once writing has begun.
type interrupter struct {
	strings.Builder
	cmd  *exec.Cmd
	done bool
}

func (i *interrupter) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "writing ") && !i.done {
		i.done = true
		if err := i.cmd.Process.Signal(os.Interrupt); err != nil {
			return 0, err
		}
	}
	return i.Builder.Write(b)
}
