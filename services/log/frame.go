package log

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// A segment's file is the magic and frames:
//
//	length uint32   of the body, little-endian
//	crc    uint32   CRC32C of the body
//	body
const (
	magic     = "CLARLOG1"
	frameHeap = 8 // bytes in front of a body
	maxBody   = 256 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(b, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...)
}

// errTorn says that the bytes at a place are not an intact frame: they are
// damaged, or not all of them are there yet.
var errTorn = errors.New("not an intact frame")

// frames reads the frames of one segment from some offset on.
type frames struct {
	file *os.File
	at   int64 // where the next frame begins
	r    *bufio.Reader
	body []byte
}

func newFrames(file *os.File, at int64) *frames {
	f := &frames{file: file}
	f.seek(at)
	return f
}

func (f *frames) seek(at int64) {
	f.at = at
	src := io.NewSectionReader(f.file, at, 1<<62)
	if f.r == nil {
		f.r = bufio.NewReaderSize(src, 32<<10)
	} else {
		f.r.Reset(src)
	}
}

// next returns the next body, which is good until the call after it. At the
// end it returns io.EOF, before anything else errTorn; f.at stays where it was,
// and the next call looks at the file again.
func (f *frames) next() ([]byte, error) {
	body, err := f.read()
	if err != nil {
		f.seek(f.at)
		return nil, err
	}
	f.at += frameHeap + int64(len(body))
	return body, nil
}

func (f *frames) read() ([]byte, error) {
	var heap [frameHeap]byte
	switch _, err := io.ReadFull(f.r, heap[:]); {
	case err == io.EOF:
		return nil, io.EOF
	case err == io.ErrUnexpectedEOF:
		return nil, errTorn
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", f.file.Name(), err)
	}
	size := binary.LittleEndian.Uint32(heap[:])
	if size == 0 || size > maxBody {
		return nil, errTorn
	}
	if cap(f.body) < int(size) {
		f.body = make([]byte, max(int(size), 4<<10))
	}
	body := f.body[:size]
	switch _, err := io.ReadFull(f.r, body); {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, errTorn
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", f.file.Name(), err)
	}
	if binary.LittleEndian.Uint32(heap[4:]) != crc32.Checksum(body, castagnoli) {
		return nil, errTorn
	}
	return body, nil
}

// resync goes to the next intact frame behind damage, and reports false if
// there is none. It reads the rest of the file in windows.
func (f *frames) resync() bool {
	start := f.at + 1
	window := make([]byte, 64<<10)
	for {
		n, _ := f.file.ReadAt(window, start)
		for i := 0; i+frameHeap < n; i++ {
			size := binary.LittleEndian.Uint32(window[i:])
			kind := window[min(i+frameHeap, n-1)]
			if size == 0 || size > maxBody || kind != frameRecord && kind != frameHead {
				continue
			}
			at := f.at
			f.seek(start + int64(i))
			if _, err := f.read(); err == nil {
				f.seek(start + int64(i))
				return true
			}
			f.seek(at)
		}
		if n < len(window) {
			return false
		}
		start += int64(n - frameHeap)
	}
}
