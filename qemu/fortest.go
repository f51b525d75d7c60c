package qemu

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"time"

	"clarityos/images"
	"clarityos/qemu/agent"
)

// testTail is how many lines of the console a failed test shows: PID 1's or the
// kernel's last words with their traces.
const testTail = 200

// TestLimit bounds the life of a machine that ForTest made.
const TestLimit = 30 * time.Minute

// TB is the part of *testing.T that ForTest uses.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Failed() bool
	TempDir() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// TestMachine is a Machine whose failures end a test.
type TestMachine struct {
	*Machine
	t TB
}

// ForTest starts a machine for one test. Its forwards get free ports, its
// power is cut at the end of the test or after TestLimit, and if the test
// failed, the end of the console is printed. The host's disk takes no part in
// its time: it is Flushless, but for a disk whose writes are logged.
func ForTest(t TB, cfg Config) *TestMachine {
	t.Helper()
	if cfg.Console == "" {
		cfg.Console = filepath.Join(t.TempDir(), "console")
	}
	cfg.AnyPorts, cfg.Flushless = true, true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), TestLimit)
	t.Cleanup(cancel)
	m, err := Start(ctx, cfg)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		m.CutPower()
		if t.Failed() {
			t.Logf("--- console of %s ---\n%s", cfg.Image.Name, m.Console().Tail(testTail))
		}
		if err := m.Close(); err != nil {
			t.Logf("%v", err)
		}
	})
	return &TestMachine{m, t}
}

// In is the same machine for a subtest.
func (m *TestMachine) In(t TB) *TestMachine { return &TestMachine{m.Machine, t} }

// Must is Await that ends the test if the condition does not come about.
func (m *TestMachine) Must(limit time.Duration, c Condition) {
	m.t.Helper()
	if err := m.Await(m.t.Context(), limit, c); err != nil {
		m.t.Fatalf("%v", err)
	}
}

// MustShell runs a script in the guest, which must succeed within limit, and
// returns its output.
func (m *TestMachine) MustShell(limit time.Duration, script string) string {
	m.t.Helper()
	return m.MustRun(limit, agent.Command{Args: []string{"/bin/sh", "-c", script}})
}

// MustRun runs a command in the guest, which must succeed within limit, and
// returns its output.
func (m *TestMachine) MustRun(limit time.Duration, cmd agent.Command) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	res, err := m.Run(ctx, cmd)
	if err != nil {
		m.t.Fatalf("%v", err)
	}
	if !res.OK() {
		m.t.Fatalf("%q: %v\nstdout: %s\nstderr: %s", cmd.Args, res, res.Stdout, res.Stderr)
	}
	return string(res.Stdout)
}

// FlipBit changes one bit of files of an image that only the test has: a second
// archive after the first has the files again.
func FlipBit(t TB, img *images.Image, paths ...string) {
	t.Helper()
	tree := images.NewTree()
	for _, path := range paths {
		var file bytes.Buffer
		if err := img.Cat(&file, []string{path}); err != nil {
			t.Fatalf("flip a bit: %v", err)
		}
		file.Bytes()[file.Len()/2] ^= 1
		if err := tree.File("test", images.RankOwn, path, 0o644, file.Bytes()); err != nil {
			t.Fatalf("flip a bit: %v", err)
		}
	}
	archive, err := os.ReadFile(img.Initramfs)
	if err != nil {
		t.Fatalf("flip a bit: %v", err)
	}
	whole := bytes.NewBuffer(append(archive, make([]byte, -len(archive)&3)...)) // archives begin at multiples of 4
	if err := tree.WriteNewc(whole, img.Epoch); err != nil {
		t.Fatalf("flip a bit: %v", err)
	}
	img.Initramfs = filepath.Join(t.TempDir(), "flipped")
	if err := os.WriteFile(img.Initramfs, whole.Bytes(), 0o644); err != nil {
		t.Fatalf("flip a bit: %v", err)
	}
}
