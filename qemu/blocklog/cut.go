package blocklog

import (
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
)

// Cut is what a cut of power leaves of a log: the first writes, and of later ones some.
type Cut struct {
	Whole int    // so many entries of the log, from its begin on, have left all that they wrote
	Kept  []Part // of those behind them, in their order
}

// Part is the first bytes of a write.
type Part struct {
	Write int // its entry in the log
	Bytes int64
}

// String says which writes are there, such as "12, 14, 15 up to byte 512".
func (c Cut) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the first %d writes", c.Whole)
	for _, k := range c.Kept {
		fmt.Fprintf(&b, ", %d up to byte %d", k.Write, k.Bytes)
	}
	return b.String()
}

// Torn is the cut in the middle of entry n, which leaves half of its last sector out.
func (l *Log) Torn(n int) Cut {
	c := Cut{Whole: n}
	if n < len(l.Writes) && l.Writes[n].hasData() {
		c.Kept = []Part{{n, l.Writes[n].Size - l.sector/2}}
	}
	return c
}

// Replay writes what a cut has left to the disk as it was before.
func (l *Log) Replay(disk io.WriterAt, c Cut) error {
	for n, w := range l.Writes[:c.Whole] {
		if err := l.replay(disk, Part{n, w.Size}); err != nil {
			return err
		}
	}
	for _, k := range c.Kept {
		if err := l.replay(disk, k); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) replay(disk io.WriterAt, p Part) error {
	w := l.Writes[p.Write]
	if !w.hasData() {
		return nil // what is discarded may be kept
	}
	if _, err := io.Copy(io.NewOffsetWriter(disk, w.Begin), io.NewSectionReader(l.data, w.at, p.Bytes)); err != nil {
		return fmt.Errorf("replay %d bytes at %d: %w", p.Bytes, w.Begin, err)
	}
	return nil
}

// Choice says how many cuts of those are taken that are more than can be tried. What is chosen
// depends on Seed and the log only.
type Choice struct {
	Seed    uint64
	Windows int // of the sets that the writes between two flushes have; all where there are no more
	Tears   int // of the sectors that a write may end after; all where there are no more
}

// Cuts gives, for each entry of the log and for its end, the cut in front of it; the entry torn
// after whole sectors; and for each two flushes one behind the other, sets of the writes between
// them, which is all that their order can come to: of two writes to one place the disk may have
// either. Whole ascends.
func (l *Log) Cuts(c Choice) iter.Seq[Cut] {
	return func(yield func(Cut) bool) {
		random := rand.New(rand.NewPCG(c.Seed, 0))
		for from := 0; from <= len(l.Writes); {
			to := from // of the window, without the flush that ends it
			for to < len(l.Writes) && !l.Writes[to].Flush {
				to++
			}
			for cut := range l.window(from, to, c.Windows, random) {
				if !yield(cut) {
					return
				}
			}
			for ; from <= to; from++ {
				if !yield(Cut{Whole: from}) {
					return
				}
				for _, sectors := range l.tears(from, c.Tears, random) {
					if !yield(Cut{from, []Part{{from, sectors * l.sector}}}) {
						return
					}
				}
			}
		}
	}
}

// tears gives after how many sectors an entry is torn.
func (l *Log) tears(n, most int, random *rand.Rand) []int64 {
	if n == len(l.Writes) || !l.Writes[n].hasData() {
		return nil
	}
	places := l.Writes[n].Size/l.sector - 1
	var out []int64
	if places <= int64(most) {
		for s := range places {
			out = append(out, s+1)
		}
		return out
	}
	for range most {
		out = append(out, 1+random.Int64N(places))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// window gives sets of the writes from one entry to another, none of which is a cut in front of
// an entry: all sets, or so many of them.
func (l *Log) window(from, to, most int, random *rand.Rand) iter.Seq[Cut] {
	var at []int // the writes that may be lost
	for n := from; n < to; n++ {
		if l.Writes[n].hasData() && !l.Writes[n].FUA {
			at = append(at, n)
		}
	}
	return func(yield func(Cut) bool) {
		if len(at) < 2 {
			return
		}
		if len(at) < 31 && 1<<len(at) <= most {
			for set := range 1 << len(at) {
				has := func(i int) bool { return set>>i&1 == 1 }
				if set&(set+1) != 0 && !yield(l.set(from, at, has)) { // else it is the first so many
					return
				}
			}
			return
		}
		for i := range most {
			n := 2 + random.IntN(len(at)-1) // the cut is behind so many, of which the last is there
			lost, often := random.IntN(n-1), random.Float64()
			has := func(i int) bool { return i == n-1 || i < n && i != lost }
			if i%2 == 0 { // more than one is lost
				has = func(i int) bool { return i == n-1 || i < n && i != lost && random.Float64() < often }
			}
			if !yield(l.set(from, at, has)) {
				return
			}
		}
	}
}

// set is the cut that leaves some of the writes at, and what is on the medium by itself.
func (l *Log) set(from int, at []int, has func(int) bool) Cut {
	c := Cut{Whole: from}
	lastKept := 0
	for i, n := range at {
		if has(i) {
			lastKept = n
			c.Kept = append(c.Kept, Part{n, l.Writes[n].Size})
		}
	}
	for n := from; n < lastKept; n++ {
		if l.Writes[n].hasData() && l.Writes[n].FUA {
			c.Kept = append(c.Kept, Part{n, l.Writes[n].Size})
		}
	}
	slices.SortFunc(c.Kept, func(a, b Part) int { return a.Write - b.Write })
	return c
}
