package log

import (
	"os"
)

// backwards reads from the end of the store to a place: the offsets of a
// segment's wanted records are found first, then the records are read in the
// other order.
func (r *reader) backwards(to cursor) error {
	names, err := listSegments(r.dir)
	if err != nil {
		return err
	}
	left := r.q.Lines
	for i := len(names) - 1; i >= 0 && names[i].number >= to.segment; i-- {
		var offsets []int64
		err := r.segment(names[i], 0, i == len(names)-1, func(_ Record, at int64) bool {
			offsets = append(offsets, at)
			return r.ctx.Err() == nil
		}, nil)
		if err != nil || r.ended {
			return err
		}
		if len(offsets) == 0 {
			continue
		}
		file, err := os.Open(names[i].path)
		if err != nil {
			continue // dropped while we read
		}
		more, err := r.emitBackwards(file, offsets, &left)
		file.Close()
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// emitBackwards passes on the records at some offsets, the last one first, and
// reports whether more are wanted.
func (r *reader) emitBackwards(file *os.File, offsets []int64, left *int) (bool, error) {
	h, in, _, err := openHead(file)
	if err != nil {
		return true, err
	}
	for i := len(offsets) - 1; i >= 0; i-- {
		in.seek(offsets[i])
		body, err := in.next()
		if err != nil {
			return true, err
		}
		rec, err := parseRecord(h.Boot, body)
		if err != nil {
			return true, err
		}
		if !r.emit(rec.expanded(), nil) {
			return false, nil
		}
		if *left--; *left == 0 {
			return false, nil
		}
	}
	return true, nil
}

// ring keeps the last offsets it was given.
type ring struct {
	offsets []int64
	most    int
	count   int // of all
}

func newRing(most int) *ring { return &ring{most: most} }

func (g *ring) add(at int64) {
	if len(g.offsets) < g.most {
		g.offsets = append(g.offsets, at)
	} else {
		g.offsets[g.count%g.most] = at
	}
	g.count++
}

func (g *ring) oldest() int64 {
	if g.count < g.most {
		return g.offsets[0]
	}
	return g.offsets[g.count%g.most]
}
