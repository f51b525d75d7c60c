package graph

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"clarityos/services/sealed"
)

// full is a book with something of everything.
func full(t testing.TB) *Book {
	t.Helper()
	b := NewBook()
	for i := range 3 {
		b.InBoot(fmt.Sprint(i), false, false)
		done := boot(b.Boot.ID, both, use("unix", "/run/db", "ENOENT", true), use("file", "/run/x", "", false))
		b.Boot = done
	}
	if err := b.Say(Pair{"x.service", "y.service"}, Pinned); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "graph")
	want := full(t)
	for range 2 {
		file, err := want.Encode()
		if err == nil {
			err = Save(path, file)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: %+v\n%+v", err, got.Before, want.Before)
		}
	}
	if b, err := Load(path + "none"); err != nil || len(b.Before.Edges) != 0 {
		t.Errorf("no file: %v, %+v", err, b)
	}
}

// Whatever a byte becomes, the file is refused as a whole and set aside.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph")
	file, err := full(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	damaged := [][]byte{{}, []byte("garbage"), file[:len(file)/2], bytes.Replace(file, []byte("graph 1"), []byte("graph 2"), 1), make([]byte, MaxSize+1)}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 0x10
		damaged = append(damaged, bad)
	}
	for i, bad := range damaged {
		if _, err := Decode(bad); err == nil {
			t.Fatalf("damaged file %d is taken", i)
		}
		if i > 8 {
			continue
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), "set aside as "+path+".bad") || len(b.Before.Edges) != 0 {
			t.Errorf("%v", err)
		}
		if kept, err := os.ReadFile(path + ".bad"); err != nil || len(bad) <= MaxSize && !bytes.Equal(kept, bad) {
			t.Errorf("%d bytes, %v", len(kept), err)
		}
	}
}

// FuzzDecode: what is taken can be learned with, and is written as it was read.
func FuzzDecode(f *testing.F) {
	file, err := full(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(file, []byte("\n"))
	f.Add(body)
	f.Add([]byte(`{"boot":{"units":{}},"edges":[{"unit":"a.service","on":"a.service","start":{"class":4,"weight":1}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := Decode(sealed.Seal(kind, body))
		if err != nil {
			return
		}
		b.InBoot("another", false, false)
		m := b.Now().Learn(boot("next", both, use("unix", "/run/db", "", true)))
		m.Needs(nil)
		again, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
	})
}

func TestInBoot(t *testing.T) {
	b := full(t)
	if b.Before.Boots != 2 || b.Now().Boots != 3 {
		t.Errorf("%d boots, then %d", b.Before.Boots, b.Now().Boots)
	}
	b.InBoot("2", false, false)
	if b.Before.Boots != 2 {
		t.Errorf("the same boot: %d", b.Before.Boots)
	}
	b.InBoot("3", false, false)
	if b.Before.Boots != 3 || b.Now().Boots != 3 {
		t.Errorf("another one: %d, %d", b.Before.Boots, b.Now().Boots)
	}
}

// A boot that was started by what was learned is held to those that were not.
func TestTried(t *testing.T) {
	b := NewBook()
	next := func(id string, ordered, incomplete bool, took time.Duration, failed ...string) {
		b.InBoot(id, ordered, incomplete)
		b.Boot.Complete(0, took, failed)
	}
	next("1", false, false, 10*time.Second)
	if !b.Tried().Use() {
		t.Errorf("after a declared boot: %+v", b.Tried())
	}
	next("2", true, false, 5*time.Second)
	if !b.Tried().Use() {
		t.Errorf("after a good boot: %+v", b.Tried())
	}
	next("3", true, false, 5*time.Second, "app.service")
	if h := b.Tried(); h.Use() || h.Why != "app.service failed, which it did in none of 1 boots without" {
		t.Errorf("after a bad boot: %+v", h)
	}
	next("4", false, false, 10*time.Second)
	b.InBoot("5", true, false) // the machine loses power
	b.InBoot("6", false, true)
	if h := b.Tried(); h.Use() || h.Why != "a boot by it did not complete" {
		t.Errorf("after a boot that did not complete: %+v", h)
	}
}

// What a boot took is from the begin of PID 1 until what others needed in it was there,
// if that was later than its last job.
func TestOutcome(t *testing.T) {
	late := use("unix", "/run/db", "ENOENT", true)
	late.Made = 70 * time.Second
	steady := use("unix", "/run/other", "", false)
	steady.Made = 80 * time.Second
	b := boot("1", both, late, steady)
	b.Failed("app.service", 20*time.Second)
	b.Init = 20 * time.Second
	if got := b.Outcome(); got.Took != 50*time.Second || !reflect.DeepEqual(got.Failed, []string{"app.service"}) {
		t.Errorf("%+v", got)
	}
}

func TestSame(t *testing.T) {
	m := learned(boot("1", both, use("unix", "/run/db", "", true)))
	for i, want := range []int{1, 2} {
		if m = m.Learn(boot("n", both, use("unix", "/run/db", "", true))); m.Same != want {
			t.Errorf("after %d boots more: %d", i+1, m.Same)
		}
	}
	other := boot("4", both, use("unix", "/run/db", "", true))
	other.Identified("db.service", "two")
	if got := m.Learn(other); got.Same != 0 {
		t.Errorf("a unit has changed: %d", got.Same)
	}
	needs := boot("4", both, use("unix", "/run/db", "", true), Use{Unit: "db.service", On: "app.service", Kind: "unix", Object: "/run/app", Start: true})
	if got := m.Learn(needs); got.Same != 0 {
		t.Errorf("a need is new: %d", got.Same)
	}
}

func TestSaid(t *testing.T) {
	b := full(t)
	if err := b.Say(pair, Ignored); err != nil || b.Now().Edges[pair].Verdict() != NotNeeded {
		t.Errorf("%v: %+v", err, b.Now().Edges[pair])
	}
	if err := b.Say(pair, ""); err != nil || !b.Now().Edges[pair].Needed() {
		t.Errorf("%v: %+v", err, b.Now().Edges[pair])
	}
	if n := b.Forget(pair); n != 1 || b.Now().Edges[pair] != nil {
		t.Errorf("%d forgotten: %+v", n, b.Now().Edges[pair])
	}
	if n := b.Forget(Pair{Unit: "y.service"}); n != 1 || len(b.Now().Edges) != 0 {
		t.Errorf("%d forgotten: %+v", n, b.Now().Edges)
	}
}

// What happens once the boot is complete does not count against a start.
func TestRecord(t *testing.T) {
	b := NewBoot("x")
	b.Started(Start{"a.service", 1, 2, 0})
	b.Started(Start{"a.service", 3, 4, 1})
	b.Failed("b.service", 1)
	b.Complete(0, time.Second, []string{"c.service"})
	b.Started(Start{"a.service", time.Minute, 2 * time.Minute, 7})
	b.Started(Start{"d.service", time.Minute, 2 * time.Minute, 0})
	b.Failed("a.service", time.Minute)
	want := map[string]Run{"a.service": {Begun: 1, Ready: 2, Restarts: 1}, "b.service": {Failed: true}, "c.service": {Failed: true}, "d.service": {Begun: time.Minute, Ready: 2 * time.Minute}}
	if !reflect.DeepEqual(b.Units, want) {
		t.Errorf("%+v", b.Units)
	}
	for range maxUses + 5 {
		b.Use(use("file", fmt.Sprint(len(b.Uses)), "", true))
		b.Use(use("file", "0", "", true))
	}
	if len(b.Uses) != maxUses || b.Dropped != 5 {
		t.Errorf("%d uses, %d dropped", len(b.Uses), b.Dropped)
	}
}

// On another kind of machine durations begin anew, and needs stay.
func TestOn(t *testing.T) {
	b := full(t)
	b.On("one")
	b.Before.Units["app.service"] = &Known{Spans: []time.Duration{time.Second}}
	b.Trials.Off = 1
	for machine, known := range map[string]bool{"one": true, "another": false} {
		c := *b
		c.Before = b.Before.Clone()
		c.On(machine)
		if (c.Before.Units["app.service"].Span() > 0) != known || (c.Trials.Off > 0) != known || len(c.Before.Edges) != len(b.Before.Edges) || c.Order(nil).Machine != machine {
			t.Errorf("on %s: %+v", machine, c)
		}
	}
}
