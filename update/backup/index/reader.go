package index

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// ErrCorrupt is that bytes are no whole index.
var ErrCorrupt = errors.New("the index of the backup is corrupt")

// Visitor is told what is in an index, in its order. An error ends the reading. Both may be
// nil.
type Visitor struct {
	Header func(Header) error
	Entry  func(Entry) error
	Chunk  func(Chunk) error // of the latest entry
}

// Read reads an index. The error wraps ErrCorrupt, unless it is that of a visitor or of from.
// With an error what was visited may be wrong.
func Read(from io.Reader, v Visitor) (Info, error) {
	r := reader{in: bufio.NewReaderSize(from, lineMost), sum: sha256.New()}
	var h Header
	if err := r.line(&h); err != nil {
		return Info{}, err
	}
	if err := r.check.header(h); err != nil {
		return Info{}, r.corrupt(err)
	}
	if v.Header != nil {
		if err := v.Header(h); err != nil {
			return Info{}, err
		}
	}
	for {
		done, err := r.next(v)
		if done || err != nil {
			return r.check.info(), err
		}
	}
}

type reader struct {
	in    *bufio.Reader
	sum   hash.Hash // of the lines before the one that is read
	n     int       // lines so far
	check check
}

// next reads a line, and says whether it was the last one.
func (r *reader) next(v Visitor) (done bool, err error) {
	text, err := r.text()
	if err != nil {
		return false, err
	}
	switch {
	case bytes.HasPrefix(text, []byte(`{"path":`)):
		var e Entry
		if err := r.decode(text, &e); err != nil {
			return false, err
		}
		if err := r.check.entry(e); err != nil {
			return false, r.corrupt(err)
		}
		if v.Entry != nil {
			err = v.Entry(e)
		}
		return false, err
	case bytes.HasPrefix(text, []byte(`{"at":`)):
		var c Chunk
		if err := r.decode(text, &c); err != nil {
			return false, err
		}
		if err := r.check.chunk(c); err != nil {
			return false, r.corrupt(err)
		}
		if v.Chunk != nil {
			err = v.Chunk(c)
		}
		return false, err
	}
	return true, r.end(text)
}

// end checks the last line.
func (r *reader) end(text []byte) error {
	var had Hash
	copy(had[:], r.sum.Sum(nil))
	var e end
	if err := r.decode(text, &e); err != nil {
		return err
	}
	want, err := r.check.end()
	if err != nil {
		return r.corrupt(err)
	}
	want.Hash = had
	if e != want {
		return r.corrupt(errors.New("its last line does not fit what came before"))
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return r.corrupt(errors.Join(errors.New("it goes on behind its last line"), err))
	}
	return nil
}

// line reads a line as a value.
func (r *reader) line(to any) error {
	text, err := r.text()
	if err != nil {
		return err
	}
	return r.decode(text, to)
}

// text reads a line, which is valid until the next one.
func (r *reader) text() ([]byte, error) {
	r.n++
	text, err := r.in.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF):
		return nil, r.corrupt(errors.New("it ends too early"))
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.corrupt(fmt.Errorf("the line has more than %d bytes", lineMost))
	case err != nil:
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return text, nil
}

// decode reads a line's text, of which there is one form only.
func (r *reader) decode(text []byte, to any) error {
	if err := json.Unmarshal(text, to); err != nil {
		return r.corrupt(err)
	}
	again, err := encode(to)
	if err != nil || !bytes.Equal(again, text) {
		return r.corrupt(errors.Join(errors.New("it is not in the form in which it is written"), err))
	}
	r.sum.Write(text)
	return nil
}

func (r *reader) corrupt(err error) error { return fmt.Errorf("%w: line %d: %w", ErrCorrupt, r.n, err) }
