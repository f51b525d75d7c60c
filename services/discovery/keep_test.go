package discovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

// limit bounds every wait of these tests.
const limit = 30 * time.Second

// A folder writes what is another, and removes what is too much.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "discovery")
	open := func() *Folder {
		t.Helper()
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	write := func(f *Folder, files map[string]string) {
		t.Helper()
		if err := f.Write(files); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(files, content(t, dir)); d != "" {
			t.Fatal(d)
		}
	}
	inode := func(name string) os.FileInfo {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	f := open()
	write(f, map[string]string{List: "1", "a.env": "A", "b.env": "B"})
	a := inode("a.env")
	held, err := os.Open(filepath.Join(dir, "a.env")) // so that no other file has its inode
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	write(f, map[string]string{List: "2", "a.env": "A", "c.env": "C"})
	// What another process has left behind goes, what it has written stays.
	for name, text := range map[string]string{".endpoints123": "half", "old.env": "OLD"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(open(), map[string]string{List: "2", "a.env": "A"})
	if !os.SameFile(a, inode("a.env")) {
		t.Error("a file that has not changed was written")
	}
	if m := inode("a.env").Mode().Perm(); m != 0o600 {
		t.Errorf("a file has mode %o", m)
	}
	if m := inode(".").Mode().Perm(); m != 0o700 {
		t.Errorf("the folder has mode %o", m)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(map[string]string{List: "3"}); err == nil {
		t.Error("a folder that is gone is no error")
	}
}

func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	all, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range all {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil && !errors.Is(err, os.ErrNotExist) { // it may go meanwhile
			t.Fatal(err)
		}
		out[e.Name()] = string(text)
	}
	return out
}

// The folder follows the bus, also one that comes late, and outlasts the loss of the
// folder.
func TestKeep(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	dir := t.TempDir()
	path, kept := filepath.Join(dir, "bus"), filepath.Join(dir, "kept")
	ended := make(chan error, 2)
	go func() {
		Keep(ctx, path, kept, func(line string) { t.Log(line) })
		ended <- nil
	}()
	go func() {
		ended <- bus.Run(ctx, bus.Config{Socket: path, States: filepath.Join(dir, "states"), Say: func(string) {}})
	}()
	p := client.NewPublisher(path, nil)
	go p.Run(ctx)
	until := func(want map[string]string) {
		t.Helper()
		for d := "nothing yet"; d != ""; d = cmp.Diff(want, content(t, kept)) {
			if ctx.Err() != nil {
				t.Fatal(d)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	x := bus.DiscoveryEndpoint{Endpoint: "unix:/run/x", Unit: "x.service"}
	p.Publish(&x)
	want := map[string]string{List: "x unix:/run/x - x.service\n", "x.env": "X_UNIX=/run/x\n"}
	until(want)
	table, err := Load(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	there, err := Listed(kept, table.Entries()...)
	if !there || err != nil {
		t.Errorf("the entries are not listed: %v", err)
	}
	if there, _ := Listed(kept, of(t, "unix:/run/xy", "x.service")...); there {
		t.Error("what begins like an entry is listed")
	}
	for i := range 500 { // in whole batches
		p.Publish(&bus.DiscoveryEndpoint{Endpoint: fmt.Sprintf("unix:/%d", i), Unit: "y.service"})
	}
	for i := range 500 {
		p.Withdraw(&bus.DiscoveryEndpoint{Endpoint: fmt.Sprintf("unix:/%d", i)})
	}
	p.Publish(&bus.UnitState{Unit: "x.service", Active: "failed"})
	until(map[string]string{List: ""})
	if err := os.RemoveAll(kept); err != nil {
		t.Fatal(err)
	}
	p.Publish(&bus.UnitState{Unit: "x.service", Active: "active"})
	until(want)
	cancel()
	for range 2 {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// What is said between Load and Follow is not missed.
func TestFollow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	dir := t.TempDir()
	path := filepath.Join(dir, "bus")
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Run(ctx, bus.Config{Socket: path, States: filepath.Join(dir, "states"), Say: func(string) {}})
	}()
	publish := func(m bus.Message) {
		t.Helper()
		if err := client.Call(ctx, path, "Publish", bus.PublishArgs{Messages: []bus.Message{m}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Await(ctx, path); err != nil {
		t.Fatal(err)
	}
	before, after := &bus.DiscoveryEndpoint{Endpoint: "unix:/old", Unit: "x.service"}, &bus.DiscoveryEndpoint{Endpoint: "unix:/new", Unit: "x.service"}
	publish(told(t, before))
	table, err := Load(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	publish(bus.Withdraw(before))
	publish(told(t, after))
	done := errors.New("both are there")
	err = table.Follow(ctx, path, nil, func() error {
		if cmp.Equal(endpoints(table.Entries()), []string{"unix:/new"}) {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Errorf("%v; the entries are %v", err, table.Entries())
	}
	cancel()
	<-ended
}
