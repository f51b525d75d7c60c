package source

import (
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// MaxRange bounds a range, in bytes: one is kept in memory as a whole, so that it can be
	// checked before anything is done with it.
	MaxRange = 1 << 20
	// nearby is how many bytes are transferred for nothing sooner than that another
	// request is made, which costs about as much: its headers and a round trip, in which
	// 1 MB/s brings 16 KiB in 16 ms.
	nearby = 16 << 10
)

// Range is a part of a file, in bytes.
type Range struct{ At, Length int64 }

func (r Range) end() int64 { return r.At + r.Length }

// CheckRanges says what is wrong with ranges: each has 1 to MaxRange bytes and begins at or
// after the end of the one before it.
func CheckRanges(ranges []Range) error {
	var end int64
	for i, r := range ranges {
		switch {
		case r.Length < 1 || r.Length > MaxRange:
			return fmt.Errorf("range %d has %d bytes, not 1 to %d", i, r.Length, MaxRange)
		case r.At < end || r.At > math.MaxInt64-r.Length:
			return fmt.Errorf("range %d begins at %d, before the end of another one or beyond that of any file", i, r.At)
		}
		end = r.end()
	}
	return nil
}

// together gives how many of the first ranges one request gets: those with less than gap bytes
// from one to the next.
func together(ranges []Range, gap int64) int {
	for i := 1; i < len(ranges); i++ {
		if ranges[i].At-ranges[i-1].end() >= gap {
			return i
		}
	}
	return len(ranges)
}

// parts are ranges that are being read: it remembers how far that has come, and so can go on
// at that byte with another request.
type parts struct {
	ranges []Range // those that are not read yet
	first  int     // the number of the first of them
	have   int     // how many of its bytes are in buffer
	buffer []byte  // as large as the largest range and as the largest gap
	each   func(i int, part []byte) error
}

func newParts(ranges []Range, each func(int, []byte) error) *parts {
	return &parts{ranges: ranges, buffer: make([]byte, max(nearby, longest(ranges))), each: each}
}

// longest gives the length of the longest range; 0 of none.
func longest(ranges []Range) int64 {
	var most int64
	for _, r := range ranges {
		most = max(most, r.Length)
	}
	return most
}

// want gives what to ask for next; a length of 0: nothing.
func (p *parts) want() Range {
	if len(p.ranges) == 0 {
		return Range{}
	}
	at := p.ranges[0].At + int64(p.have)
	return Range{at, p.ranges[together(p.ranges, nearby)-1].end() - at}
}

// eachError is one of the caller's, which is nobody else's to judge: it does not unwrap.
type eachError struct{ error }

// read reads the bytes of what want gave, gives the ranges that are whole to each, and tells
// how many bytes it has read. Its errors are body's, io.ErrUnexpectedEOF if that ends
// early, or an eachError.
func (p *parts) read(body io.Reader, want Range) (got int64, err error) {
	for got < want.Length {
		r := p.ranges[0]
		into := p.buffer[p.have:r.Length]
		gap := r.At + int64(p.have) - want.At - got
		if gap > 0 { // nothing is in the buffer yet
			into = p.buffer[:gap]
		}
		n, err := body.Read(into)
		if got += int64(n); gap <= 0 {
			p.have += n
		}
		if p.have == int(r.Length) {
			if err := p.each(p.first, p.buffer[:p.have]); err != nil {
				return got, eachError{err}
			}
			p.ranges, p.first, p.have = p.ranges[1:], p.first+1, 0
		}
		switch {
		case got == want.Length:
		case errors.Is(err, io.EOF):
			return got, io.ErrUnexpectedEOF
		case err != nil:
			return got, err
		}
	}
	return got, nil
}
