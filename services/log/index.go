package log

import (
	"encoding/json"
	"os"
	"slices"

	"github.com/google/renameio/v2"
)

// blockSize is how many bytes of a segment one entry of its index is for.
const blockSize = 64 << 10

// index tells which blocks of a sealed segment may hold what a query wants.
type index struct {
	Boot   string  `json:"boot"`
	Size   int64   `json:"size"` // of the segment: another size, another index
	Blocks []block `json:"blocks"`
	// Units are the blocks in which a unit says something, by their place
	// in Blocks.
	Units map[string][]int `json:"units"`
}

// block is a run of records. The clock may have been set while they were
// written, so that From and To are the least and the greatest of its times.
type block struct {
	At   int64  `json:"at"`   // offset of its first record
	From uint64 `json:"from"` // µs since 1970
	To   uint64 `json:"to"`
}

func newIndex(boot string) *index { return &index{Boot: boot, Units: map[string][]int{}} }

// add notes the record at an offset, in the order of the file.
func (x *index) add(r Record, at int64) {
	n := len(x.Blocks) - 1
	if n < 0 || at-x.Blocks[n].At >= blockSize {
		x.Blocks = append(x.Blocks, block{At: at, From: r.RealtimeUS, To: r.RealtimeUS})
		n++
	}
	b := &x.Blocks[n]
	b.From, b.To = min(b.From, r.RealtimeUS), max(b.To, r.RealtimeUS)
	blocks := x.Units[r.Unit]
	if len(blocks) == 0 || blocks[len(blocks)-1] != n {
		x.Units[r.Unit] = append(blocks, n)
	}
}

// may returns the blocks to look at for a query.
func (x *index) may(q Query) []block {
	var found []block
	for n, b := range x.Blocks {
		if q.Unit != "" {
			if _, there := slices.BinarySearch(x.Units[q.Unit], n); !there {
				continue
			}
		}
		if !q.Since.IsZero() && b.To < uint64(q.Since.UnixMicro()) || !q.Until.IsZero() && b.From > uint64(q.Until.UnixMicro()) {
			continue
		}
		found = append(found, b)
	}
	return found
}

// end returns where a block's last record ends.
func (x *index) end(b block) int64 {
	n, _ := slices.BinarySearchFunc(x.Blocks, b.At, func(b block, at int64) int { return int(b.At - at) })
	if n+1 < len(x.Blocks) {
		return x.Blocks[n+1].At
	}
	return x.Size
}

func (x *index) write(path string) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, text, fileMode)
}

// readIndex returns nil if there is no index for a segment of that size. An
// index only saves time, so that a damaged one is none.
func readIndex(path string, size int64) *index {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	x := newIndex("")
	if json.Unmarshal(text, x) != nil || x.Size != size {
		return nil
	}
	return x
}
