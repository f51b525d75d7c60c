package sparse

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestData(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 8 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if got, err := Data(f, size); err != nil || len(got) > 0 {
		t.Errorf("an empty one has %v: %v", got, err)
	}
	for _, at := range []int64{1 << 20, 5 << 20, size - 4096} {
		if _, err := f.WriteAt(make([]byte, 4096), at); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Data(f, size)
	if err != nil {
		t.Fatal(err)
	}
	want := []Extent{{1 << 20, 1<<20 + 4096}, {5 << 20, 5<<20 + 4096}, {size - 4096, size}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("a file system that knows holes is needed here, such as ext4 or tmpfs:\n%s", d)
	}
	if got, err := Data(f, 1<<20+1); err != nil || len(got) != 1 || got[0].End != 1<<20+1 {
		t.Errorf("of the first part: %v: %v", got, err)
	}
}

// Pieces leave nothing out, and no data is called a hole.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 200
		var data []Extent
		for at := int64(0); at < size; {
			start := at + rapid.Int64Range(0, 40).Draw(t, "hole")
			end := min(start+rapid.Int64Range(1, 40).Draw(t, "data"), size)
			if start >= size {
				break
			}
			data = append(data, Extent{start, end})
			at = end
		}
		within := Extent{rapid.Int64Range(0, size/2).Draw(t, "start"), rapid.Int64Range(size/2, size).Draw(t, "end")}
		align := rapid.Int64Range(1, 9).Draw(t, "align")
		at := within.Start
		for i, p := range Pieces(within, data, align) {
			if p.Start != at || p.Len() <= 0 {
				t.Fatalf("piece %d is %v, at %d", i, p, at)
			}
			at = p.End
			if p.Data && (p.Start%align != 0 && p.Start != within.Start || p.End%align != 0 && p.End != within.End) {
				t.Fatalf("piece %v is not aligned to %d in %v", p, align, within)
			}
			for _, d := range data {
				if !p.Data && d.Start < p.End && d.End > p.Start {
					t.Fatalf("data %v are in hole %v", d, p)
				}
			}
		}
		if at != within.End {
			t.Fatalf("they end at %d of %v", at, within)
		}
	})
}
