package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func record(i int) Record {
	return Record{Time: time.Unix(int64(i), 0).UTC(), Update: fmt.Sprint(i / 3), Step: []Step{Ordered, Trying, Left}[i%3], Version: "1.0.0", Why: "word"}
}

func fill(t testing.TB, path string, n int) *Journal {
	t.Helper()
	j, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := j.Append(record(i)); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// Cut at any byte, or with any byte changed, it has all records before that one, and takes
// further ones.
func TestTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	if err := fill(t, path, 4).Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, n := Decode(whole)
	if len(all) != 4 || n != len(whole) {
		t.Fatalf("%d records of %d bytes in %d", len(all), n, len(whole))
	}
	var ends []int
	for k := range all {
		b, err := frame(all[k])
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, len(b)+append([]int{0}, ends...)[k])
	}
	before := func(at int) (k int) {
		for k < len(ends) && ends[k] <= at {
			k++
		}
		return k
	}
	for at := range whole {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		for name, b := range map[string][]byte{"cut": whole[:at], "changed": flipped} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			j, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			k := before(at)
			if len(j.Records) != k || !reflect.DeepEqual(j.Records, append([]Record{}, all[:k]...)) && k > 0 {
				t.Fatalf("%s at byte %d: %d records, not %d", name, at, len(j.Records), k)
			}
			if err := j.Append(record(9)); err != nil {
				t.Fatal(err)
			}
			j.Close()
			if again, err := Read(path); err != nil || len(again) != k+1 || again[k].Seq != uint32(k+1) {
				t.Fatalf("%s at byte %d: then %d records, %v", name, at, len(again), err)
			}
		}
	}
}

func TestShorten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := fill(t, path, 1)
	long := record(1)
	long.Why = string(bytes.Repeat([]byte("x"), 8000))
	const n = 300
	for range n {
		if err := j.Append(long); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Read(path)
	if info, e := os.Stat(path); err != nil || e != nil || info.Size() > sizeMost+2*recordMost || all[len(all)-1].Seq != n+1 {
		t.Errorf("%d records, %v, %v", len(all), info, err)
	}
	long.Why += long.Why + long.Why
	if err := j.Append(long); err == nil {
		t.Error("a record that is too long is taken")
	}
}

func TestHistory(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(n, 0) }
	records := []Record{
		{Time: at(1), Update: "x", Step: Ordered, Who: "root", From: "there"},
		{Time: at(2), Update: "x", Step: Writing, Version: "1.1.0", Slot: "b", Fetched: 5, Whole: 9},
		{Time: at(3), Update: "x", Step: Left, Why: "it panics"},
		{Time: at(4), Update: "y", Step: Ordered},
	}
	got := History(records)
	want := Update{ID: "x", Began: at(1), Latest: at(3), Step: Left, Who: "root", From: "there", Version: "1.1.0", Slot: "b", Fetched: 5, Whole: 9, Why: "it panics"}
	if len(got) != 2 || got[0].ID != "y" || got[1] != want {
		t.Errorf("%+v", got)
	}
	if got := Refused(records); !reflect.DeepEqual(got, map[string]string{"1.1.0": "it panics"}) {
		t.Error(got)
	}
	records = append(records, Record{Update: "z", Step: Good, Version: "1.1.0"})
	if got := Refused(records); len(got) != 0 {
		t.Error(got)
	}
}

func FuzzJournal(f *testing.F) {
	path := filepath.Join(f.TempDir(), "journal")
	if err := fill(f, path, 3).Close(); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		all, whole := Decode(b)
		if whole > len(b) {
			t.Fatal("more than there is")
		}
		if again, n := Decode(b[:whole]); len(again) != len(all) || n != whole {
			t.Error("what is whole is not, by itself")
		}
		_, _ = History(all), Refused(all)
	})
}
