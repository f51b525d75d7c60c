package log

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
)

// Read returns the records that the query wants, oldest first. An error that
// is a *DamageError is followed by more records; after any other it ends. With
// Follow it ends when ctx does, without an error.
func Read(ctx context.Context, dir string, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r := reader{ctx: ctx, dir: Locate(dir), q: q, yield: yield}
		start, err := r.begin()
		if err == nil && q.Lines > 0 && !q.Reverse {
			start, err = r.lastLines(start, q.Lines)
		}
		if err == nil && q.Reverse {
			err = r.backwards(start)
		} else if err == nil {
			err = r.from(start)
		}
		if err == nil && q.Follow && !q.Reverse && !r.ended {
			err = r.follow(dir)
		}
		if err != nil && !r.ended && ctx.Err() == nil {
			yield(Record{}, err)
		}
	}
}

// cursor is a place in a store.
type cursor struct {
	segment uint64
	at      int64 // 0: the first record
}

type reader struct {
	ctx   context.Context
	dir   string
	q     Query
	yield func(Record, error) bool
	ended bool
	// stored says that records are wanted as they were appended.
	stored bool

	at cursor // behind the last record that was looked at
	// The boot and the number of that record. Once the store has moved,
	// only what comes behind it is wanted.
	boot  string
	seq   uint64
	moved bool
}

// emit passes on a record that is wanted. It reports false if no more are.
func (r *reader) emit(rec Record, err error) bool {
	r.ended = r.ended || r.ctx.Err() != nil || !r.yield(rec, err)
	return !r.ended
}

// from reads from a place to the end of the store.
func (r *reader) from(c cursor) error {
	names, err := listSegments(r.dir)
	if err != nil {
		return err
	}
	for i, name := range names {
		if name.number < c.segment {
			continue
		}
		at := int64(0)
		if name.number == c.segment {
			at = c.at
		}
		live := i == len(names)-1
		err := r.segment(name, at, live, func(rec Record, _ int64) bool { return r.emit(rec, nil) }, nil)
		if err != nil || r.ended {
			return err
		}
	}
	return nil
}

// segment looks at the records of one segment from an offset on, or at some of
// its blocks, and hands over those that are wanted with their offsets.
func (r *reader) segment(name segmentName, at int64, live bool, take func(Record, int64) bool, damage func(error) bool) error {
	if damage == nil {
		damage = func(err error) bool { return r.emit(Record{}, err) }
	}
	file, err := os.Open(name.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // dropped while we read
	}
	if err != nil {
		return err
	}
	defer file.Close()
	h, in, damaged, err := openHead(file)
	if err != nil || damaged {
		if !damage(&DamageError{name.path, 0}) || err != nil {
			return nil
		}
	}
	r.at = cursor{name.number, max(at, in.at)}
	if r.q.Boot != "" && h.Boot != r.q.Boot {
		return nil
	}
	if at > in.at {
		in.seek(at)
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	ranges := []struct{ from, to int64 }{{in.at, 1 << 62}}
	if x := readIndex(name.index(), info.Size()); x != nil {
		ranges = ranges[:0]
		for _, b := range x.may(r.q) {
			if to := x.end(b); to > in.at {
				ranges = append(ranges, struct{ from, to int64 }{max(b.At, in.at), to})
			}
		}
	}
	for _, span := range ranges {
		if in.at != span.from {
			in.seek(span.from)
		}
		for in.at < span.to {
			begin := in.at
			body, err := in.next()
			if err == io.EOF {
				break
			}
			if errors.Is(err, errTorn) {
				if !in.resync() {
					if !live {
						damage(&DamageError{name.path, begin})
					}
					break // the rest is not written yet
				}
				if !damage(&DamageError{name.path, begin}) {
					return nil
				}
				continue
			}
			if err != nil {
				return err
			}
			rec, err := parseRecord(h.Boot, body)
			if err != nil {
				if !damage(&DamageError{name.path, begin}) {
					return nil
				}
				continue
			}
			r.at.at = in.at
			if rec.Mark || rec.Boot == r.q.After.Boot && rec.Seq <= r.q.After.Seq {
				continue
			}
			if r.moved && (rec.Boot != r.boot || rec.Seq <= r.seq) {
				continue
			}
			r.boot, r.seq = rec.Boot, rec.Seq
			if !r.stored {
				rec = rec.expanded()
			}
			if r.q.matches(rec) && !take(rec, begin) {
				return nil
			}
		}
	}
	return nil
}

// begin finds the segment where reading begins: that of the record that After
// names, if there is one.
func (r *reader) begin() (cursor, error) {
	names, err := listSegments(r.dir)
	if err != nil || r.q.After == (Place{}) {
		return cursor{}, err
	}
	var start cursor
	for _, n := range names {
		if file, err := os.Open(n.path); err == nil {
			h, _, _, err := openHead(file)
			file.Close()
			if err == nil && h.Boot == r.q.After.Boot && (start.segment == 0 || h.FirstSeq <= r.q.After.Seq) {
				start.segment = n.number
			}
		}
	}
	return start, nil
}

// lastLines finds where the last n wanted records behind a place begin.
func (r *reader) lastLines(start cursor, n int) (cursor, error) {
	names, err := listSegments(r.dir)
	if err != nil {
		return cursor{}, err
	}
	for i := len(names) - 1; i >= 0 && names[i].number >= start.segment; i-- {
		last := newRing(n)
		err := r.segment(names[i], 0, i == len(names)-1, func(_ Record, at int64) bool {
			last.add(at)
			return r.ctx.Err() == nil
		}, func(error) bool { return true }) // it is told when it is read
		if err != nil {
			return cursor{}, err
		}
		if last.count >= n {
			return cursor{names[i].number, last.oldest()}, nil
		}
		n -= last.count
	}
	return start, nil
}
