package trust_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"clarityos/update/trust"
)

// children are what this program does as a child, by its first argument. They have their
// request already.
var children = map[string]func(req trust.Request){
	"honest": func(req trust.Request) {
		get := func(name string) trust.Answer { return ask(name, 0) }
		if a := get("metadata/2.root.json"); a.Reason != trust.Missing {
			panic(a)
		}
		if a := ask("metadata/timestamp.json", 2); a.Reason != trust.TooLarge {
			panic(a)
		}
		stamp := get("metadata/timestamp.json").Bytes
		tell(trust.Result{
			Metadata: map[string][]byte{"timestamp.json": bytes.Join([][]byte{req.Root, req.Stored["targets.json"], stamp}, nil)},
			Roles:    map[string]trust.Role{"root": {Version: req.Now.Unix()}},
			Targets:  []trust.Target{{Name: "demo", Length: 1, SHA256: strings.Repeat("0a", 32)}},
			Notices:  []string{"two\nlines\x1b[2J"},
		})
	},
	"refuses": func(trust.Request) {
		tell(trust.Result{Refusal: &trust.Refusal{Kind: trust.Expired, File: "f", Detail: "d"}})
	},
	"invents kinds":      func(trust.Request) { tell(trust.Result{Refusal: &trust.Refusal{Kind: "fine"}}) },
	"asks for passwords": func(trust.Request) { ask("metadata/../../etc/passwd", 0) },
	"asks for targets":   func(trust.Request) { ask("targets/demo", 0) },
	"asks for ever": func(trust.Request) {
		for {
			ask("metadata/timestamp.json", 0)
		}
	},
	"stores elsewhere": func(trust.Request) { tell(trust.Result{Metadata: map[string][]byte{"../x": nil}}) },
	"stores too much": func(trust.Request) {
		tell(trust.Result{Metadata: map[string][]byte{"timestamp.json": make([]byte, trust.MostTimestamp+1)}})
	},
	"offers bad names": func(trust.Request) {
		tell(trust.Result{Targets: []trust.Target{{Name: "../x", SHA256: strings.Repeat("0", 64)}}})
	},
	"offers bad hashes": func(trust.Request) { tell(trust.Result{Targets: []trust.Target{{Name: "x", SHA256: "../../etc"}}}) },
	"offers twice": func(trust.Request) {
		x := trust.Target{Name: "x", SHA256: strings.Repeat("0", 64)}
		tell(trust.Result{Targets: []trust.Target{x, x}})
	},
	"announces 4 GiB": func(trust.Request) { os.Stdout.Write(binary.BigEndian.AppendUint32(nil, 1<<32-1)); wait() },
	"stops halfway":   func(trust.Request) { os.Stdout.Write([]byte{0, 0, 0, 9, '{'}) },
	"talks nonsense":  func(trust.Request) { os.Stdout.Write([]byte{0, 0, 0, 1, '!'}); wait() },
	"panics":          func(trust.Request) { panic("out of cheese") },
	"says nothing":    func(trust.Request) { wait() },
	"fails at last":   func(trust.Request) { tell(trust.Result{}); os.Exit(3) },
}

func wait() { _, _ = io.Copy(io.Discard, os.Stdin) }

func ask(name string, most int64) (a trust.Answer) {
	if err := errors.Join(trust.Send(os.Stdout, trust.Call{Get: name, Most: most}), trust.Receive(os.Stdin, &a)); err != nil {
		panic(err)
	}
	return a
}

func tell(r trust.Result) {
	if err := trust.Send(os.Stdout, trust.Call{Result: &r}); err != nil {
		panic(err)
	}
}

// TestMain makes this program a child when its first argument names one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && children[os.Args[1]] != nil {
		var req trust.Request
		if err := trust.Receive(os.Stdin, &req); err != nil {
			panic(err)
		}
		children[os.Args[1]](req)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// files is a Source of what is in it. It does not keep to what is asked for at most.
type files map[string]string

func (f files) Get(_ context.Context, name string, most int64) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return []byte(text), nil
}

func TestHonestChild(t *testing.T) {
	now := time.Unix(1000, 0).UTC()
	req := trust.Request{Root: []byte("root,"), Stored: map[string][]byte{"targets.json": []byte("stored,")}, Now: now}
	res, err := trust.Refresh(t.Context(), []string{"/proc/self/exe", "honest"}, req, files{"metadata/timestamp.json": "stamp"})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(res.Metadata["timestamp.json"]); got != "root,stored,stamp" || res.Roles["root"].Version != 1000 {
		t.Errorf("metadata %q, roles %v", got, res.Roles)
	}
	if len(res.Targets) != 1 || res.Targets[0].Path() != "targets/"+strings.Repeat("0a", 32)+".demo" {
		t.Errorf("targets %v", res.Targets)
	}
	if res.Notices[0] != "two lines [2J" {
		t.Errorf("notices %q", res.Notices)
	}
}

// TestChildren: no child gets what it may not have, or is believed what it may not say.
func TestChildren(t *testing.T) {
	for child, says := range map[string]string{
		"invents kinds":      `refusal of kind "fine"`,
		"asks for passwords": `asked for "metadata/../../etc/passwd"`,
		"asks for targets":   `asked for "targets/demo"`,
		"asks for ever":      "more than 36 files",
		"stores elsewhere":   `"../x"`,
		"stores too much":    `"timestamp.json" of 16385 bytes`,
		"offers bad names":   `target name "../x"`,
		"offers bad hashes":  `"../../etc"`,
		"offers twice":       "not sorted",
		"announces 4 GiB":    "4294967295 bytes",
		"stops halfway":      "unexpected EOF",
		"talks nonsense":     "decode a message",
		"panics":             "out of cheese",
		"fails at last":      "exit status 3",
	} {
		t.Run(child, func(t *testing.T) {
			res, err := trust.Refresh(t.Context(), []string{"/proc/self/exe", child}, trust.Request{}, files{"metadata/timestamp.json": "stamp"})
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, want %q", err, says)
			}
			if len(res.Targets)+len(res.Metadata) > 0 {
				t.Errorf("believed: %+v", res)
			}
		})
	}
}

func TestRefusalIsTyped(t *testing.T) {
	_, err := trust.Refresh(t.Context(), []string{"/proc/self/exe", "refuses"}, trust.Request{}, files{})
	var r *trust.Refusal
	if !errors.As(err, &r) || r.Kind != trust.Expired || !strings.Contains(err.Error(), "clarity repo refresh") {
		t.Errorf("error %v", err)
	}
}

// TestSilentChild is slow retrieval, from the child's side: ctx ends it.
func TestSilentChild(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := trust.Refresh(ctx, []string{"/proc/self/exe", "says nothing"}, trust.Request{}, files{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// slow is a source that never answers.
type slow struct{}

func (slow) Get(ctx context.Context, _ string, _ int64) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestSlowRetrieval(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err := trust.Refresh(ctx, []string{"/proc/self/exe", "honest"}, trust.Request{}, slow{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
