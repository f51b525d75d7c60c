// Package sparse tells which parts of a file have data and which are holes, that is,
// read as zeros and take no room. Package flash and package convert use it to leave
// holes alone. It reads only.
package sparse

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Extent is a part of a file, in bytes.
type Extent struct {
	Start, End int64 // End is behind the last byte
}

// Len is how many bytes it has.
func (e Extent) Len() int64 { return e.End - e.Start }

// Data gives the parts of the first size bytes of f that have data, in order. Where the
// file system does not tell, that is all. It moves where f is read from.
func Data(f *os.File, size int64) ([]Extent, error) {
	var out []Extent
	for at := int64(0); at < size; {
		start, err := f.Seek(at, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO): // a hole up to the end
			return out, nil
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
			return []Extent{{0, size}}, nil
		case err != nil:
			return nil, fmt.Errorf("look for the data in %s: %w", f.Name(), err)
		}
		if start >= size {
			return out, nil
		}
		end, err := f.Seek(start, unix.SEEK_HOLE)
		if err != nil {
			return nil, fmt.Errorf("look for the holes in %s: %w", f.Name(), err)
		}
		if end <= start {
			return nil, fmt.Errorf("look for the holes in %s: the file shrinks while it is read", f.Name())
		}
		end = min(end, size)
		out = append(out, Extent{start, end})
		at = end
	}
	return out, nil
}

// Piece is a part that either has data or is a hole.
type Piece struct {
	Extent
	Data bool
}

// Pieces cuts what is within into pieces, in order and without gaps. Those with data begin
// and end at multiples of align, but for the ends of within: they have some of a hole then.
func Pieces(within Extent, data []Extent, align int64) []Piece {
	var out []Piece
	at := within.Start
	for _, d := range data {
		start := max(d.Start/align*align, at)
		end := min((d.End+align-1)/align*align, within.End)
		if end <= start {
			continue
		}
		if start > at {
			out = append(out, Piece{Extent{at, start}, false})
		}
		if n := len(out); n > 0 && out[n-1].Data && out[n-1].End == start {
			out[n-1].End = end
		} else {
			out = append(out, Piece{Extent{start, end}, true})
		}
		at = end
	}
	if at < within.End {
		out = append(out, Piece{Extent{at, within.End}, false})
	}
	return out
}
