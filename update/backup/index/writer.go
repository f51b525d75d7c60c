package index

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
)

// Writer writes an index. What it is given is checked as a reader does.
type Writer struct {
	to    io.Writer
	sum   hash.Hash
	check check
}

// NewWriter writes an index to a writer, its header first.
func NewWriter(to io.Writer, h Header) (*Writer, error) {
	sum := sha256.New()
	w := &Writer{to: io.MultiWriter(to, sum), sum: sum}
	if err := w.check.header(h); err != nil {
		return nil, err
	}
	return w, w.line(h)
}

// Entry adds an entry.
func (w *Writer) Entry(e Entry) error {
	if err := w.check.entry(e); err != nil {
		return err
	}
	return w.line(e)
}

// Chunk adds a chunk of the latest entry.
func (w *Writer) Chunk(c Chunk) error {
	if err := w.check.chunk(c); err != nil {
		return err
	}
	return w.line(c)
}

// Close writes the last line, and says what there is. It does not close what is written to.
func (w *Writer) Close() (Info, error) {
	e, err := w.check.end()
	if err != nil {
		return Info{}, err
	}
	copy(e.Hash[:], w.sum.Sum(nil))
	return w.check.info(), w.line(e)
}

func (w *Writer) line(v any) error {
	b, err := encode(v)
	if err == nil {
		_, err = w.to.Write(b)
	}
	if err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}

// encode gives the one form that a line has.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && len(b) >= lineMost {
		err = fmt.Errorf("a line of %d bytes; fewer than %d can be", len(b), lineMost)
	}
	return append(b, '\n'), err
}
