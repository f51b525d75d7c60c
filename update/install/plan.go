package install

import (
	"cmp"
	"slices"

	"clarityos/update/chunks"
)

// place is where bytes are on this machine: in a base, from an offset on. The first bases are
// what is written, one for each part of the release; behind them are others.
type place struct {
	base int
	at   int64
}

// index says which chunks are where.
type index struct {
	where map[chunks.Hash]place // outside of what is written, or else in what it has there before
	here  map[place]chunks.Hash // what is in the parts, before they are written
}

func newIndex() *index { return &index{map[chunks.Hash]place{}, map[place]chunks.Hash{}} }

// add tells of a chunk. Of several places of one, the first counts; so what is kept, and is
// not written over, is told of first.
func (x *index) add(sum chunks.Hash, p place, written bool) {
	if _, has := x.where[sum]; !has {
		x.where[sum] = p
	}
	if written {
		x.here[p] = sum
	}
}

// origin is where a piece comes from.
type origin uint8

const (
	keep origin = iota // it is where it has to be
	copied
	fetch
)

// piece is one place of a chunk in a part.
type piece struct {
	part   int
	at     int64 // in the part
	entry  uint32
	origin origin
	from   place // of one that is copied
}

// plan says, in the order in which it is done, where each piece of a release comes from. What
// is copied from a part is there when its turn comes: from behind what is written so far, or
// from where it was written. What is fetched ascends in the pack.
func plan(t *chunks.Table, parts [][]uint32, x *index) []piece {
	var out []piece
	written := map[uint32]place{}
	for part, places := range parts {
		at := int64(0)
		for _, n := range places {
			e := &t.Entries[n]
			p := piece{part: part, at: at, entry: n, origin: fetch}
			here := place{part, at}
			from, has := x.where[e.Plain]
			before, again := written[n]
			switch {
			case x.here[here] == e.Plain:
				p.origin = keep
			case has && (from.base >= len(parts) || lasts(from, here)):
				p.origin, p.from = copied, from
			case again:
				p.origin, p.from = copied, before
			}
			if !again {
				written[n] = here
			}
			out = append(out, p)
			at += int64(e.Size)
		}
	}
	return out
}

// lasts says whether what a part had in a place is still there when another one is written.
func lasts(old, writing place) bool {
	return cmp.Or(cmp.Compare(old.base, writing.base), cmp.Compare(old.at, writing.at)) >= 0
}

// Fetch is what has to be fetched of a release, in bytes of its pack, and what all of it is.
type Fetch struct {
	Lacking int64 `json:"lacking"`
	Whole   int64 `json:"whole"`
}

// cost says what a plan fetches.
func cost(t *chunks.Table, pieces []piece) Fetch {
	f := Fetch{Whole: t.PackSize()}
	for _, p := range pieces {
		if p.origin == fetch {
			f.Lacking += int64(t.Entries[p.entry].Length)
		}
	}
	return f
}

// ascends says whether what is fetched is in the pack's order, each chunk once, as a source
// wants it.
func ascends(pieces []piece) bool {
	fetched := slices.DeleteFunc(slices.Clone(pieces), func(p piece) bool { return p.origin != fetch })
	return slices.IsSortedFunc(fetched, func(a, b piece) int {
		if a.entry == b.entry {
			return 1
		}
		return cmp.Compare(a.entry, b.entry)
	})
}
