package log

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExcess(t *testing.T) {
	segments := func(sizes ...int64) (all []held) {
		for i, size := range sizes {
			all = append(all, held{segmentName: segmentName{number: uint64(i + 1)}, size: size,
				age: time.Duration(len(sizes)-i) * time.Hour, live: i == len(sizes)-1})
		}
		return all
	}
	base := Limits{SegmentBytes: 10, TotalBytes: 40, KeepFree: -1}
	for name, tc := range map[string]struct {
		l    Limits
		have []held
		disk space
		want []uint64
	}{
		"within":           {base, segments(10, 10, 10, 10), space{1000, 0}, nil},
		"one too many":     {base, segments(10, 10, 10, 10, 1), space{}, []uint64{1}},
		"a live one stays": {base, segments(100), space{}, nil},
		"large ones":       {base, segments(30, 30, 5), space{}, []uint64{1}},
		"too old":          {Limits{TotalBytes: 1000, KeepFree: -1, MaxAge: 150 * time.Minute}, segments(1, 1, 1, 1), space{}, []uint64{1, 2}},
		"old but live":     {Limits{TotalBytes: 1000, KeepFree: -1, MaxAge: time.Minute}, segments(1, 1), space{}, []uint64{1}},
		"others need room": {Limits{SegmentBytes: 10, TotalBytes: 1000, KeepFree: 50}, segments(10, 10, 10, 10), space{1000, 40}, []uint64{1}},
		"never below two":  {Limits{SegmentBytes: 10, TotalBytes: 1000, KeepFree: 5000}, segments(10, 10, 10, 10), space{1000, 0}, []uint64{1, 2}},
		"15 %":             {Limits{SegmentBytes: 10, TotalBytes: 1000}, segments(10, 10, 10, 10), space{200, 25}, []uint64{1}},
		"unknown disk":     {Limits{SegmentBytes: 10, TotalBytes: 1000}, segments(10, 10), space{}, nil},
	} {
		var got []uint64
		for _, s := range tc.l.excess(tc.have, tc.disk) {
			got = append(got, s.number)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A segment is sealed when its first record is old, and goes when its last one
// is; those of this boot are never older than the boot.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	limits := Limits{SegmentAge: time.Hour, MaxAge: 48 * time.Hour, KeepFree: -1}
	old := open(t, dir, bootB, limits)
	say(t, old, Record{Message: "another boot"})
	old.Close()
	long := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(segmentPath(dir, 1, liveSuffix), long, long); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, bootA, limits)
	if got, _ := all(t, dir, Query{}); len(got) != 0 {
		t.Errorf("%v is 1000 hours old and still there", got)
	}
	say(t, s, Record{Message: "old", RealtimeUS: uint64(long.UnixMicro())}, Record{Message: "with it"})
	if err := os.Chtimes(segmentPath(dir, 2, liveSuffix), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	say(t, s, Record{Message: "new"})
	s.Close()
	if logs, _ := filepath.Glob(filepath.Join(dir, "*.log")); len(logs) != 2 {
		t.Errorf("segments %v", logs)
	}
	if got, _ := all(t, dir, Query{}); !cmp.Equal(got, []string{"old", "with it", "new"}) {
		t.Errorf("a clock that began in 1970 cost records of this boot: %v", got)
	}
}

func TestVacuum(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, bootA, Limits{SegmentBytes: 4 << 10, TotalBytes: 1 << 20})
	for i := range 500 {
		say(t, s, Record{Message: fmt.Sprintf("%0100d", i)})
	}
	before, err := Usage(dir)
	if err != nil {
		t.Fatal(err)
	}
	freed, err := Vacuum(dir, 16<<10, 0)
	if err != nil {
		t.Fatal(err)
	}
	say(t, s, Record{Message: "more"}) // the writer does not mind
	s.Close()
	after, _ := Usage(dir)
	got, damage := all(t, dir, Query{})
	if freed < before/2 || after > 20<<10 || damage != nil || len(got) < 50 || got[len(got)-1] != "more" {
		t.Errorf("%d bytes, %d freed, %d left, %d records, damage %v", before, freed, after, len(got), damage)
	}
}
