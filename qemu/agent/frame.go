package agent

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// maxBody is the most bytes that one frame carries.
const maxBody = 16 << 10

// headSize is kind (1), session (8) and id (4); a CRC32C (4) follows the body.
const (
	headSize  = 1 + 8 + 4
	frameSize = headSize + maxBody + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is the unit of the wire. Encoded it is
//
//	0x00  COBS(kind session id body crc)  0x00
//
// with numbers in little-endian order. The zero in front ends whatever a
// sender that died left unfinished.
type frame struct {
	kind    kind
	session uint64
	id      uint32
	body    []byte
}

// appendFrame appends the encoded frame to dst. The body must not be longer
// than maxBody.
func appendFrame(dst []byte, f frame) []byte {
	raw := make([]byte, 0, headSize+len(f.body)+4)
	raw = append(raw, byte(f.kind))
	raw = binary.LittleEndian.AppendUint64(raw, f.session)
	raw = binary.LittleEndian.AppendUint32(raw, f.id)
	raw = append(raw, f.body...)
	raw = binary.LittleEndian.AppendUint32(raw, crc32.Checksum(raw, castagnoli))
	dst = append(dst, 0)
	dst = appendStuffed(dst, raw)
	return append(dst, 0)
}

// decodeFrame reads one frame from what stood between two zeros, and reuses
// its memory for the body. It reports false for anything but an intact frame.
func decodeFrame(stuffed []byte) (frame, bool) {
	raw, ok := unstuff(stuffed)
	if !ok || len(raw) < headSize+4 {
		return frame{}, false
	}
	end := len(raw) - 4
	if binary.LittleEndian.Uint32(raw[end:]) != crc32.Checksum(raw[:end], castagnoli) {
		return frame{}, false
	}
	return frame{
		kind:    kind(raw[0]),
		session: binary.LittleEndian.Uint64(raw[1:]),
		id:      binary.LittleEndian.Uint32(raw[9:]),
		body:    raw[headSize:end],
	}, true
}

// appendStuffed appends raw without its zeros, by Consistent Overhead Byte
// Stuffing (Cheshire and Baker, 1997): each group begins with its length plus
// one, and stands for its bytes and a zero, unless the length is 255.
func appendStuffed(dst, raw []byte) []byte {
	for {
		n := bytes.IndexByte(raw[:min(len(raw), 254)], 0)
		switch {
		case n >= 0:
			dst = append(dst, byte(n+1))
			dst = append(dst, raw[:n]...)
			raw = raw[n+1:]
		case len(raw) >= 254:
			dst = append(dst, 255)
			dst = append(dst, raw[:254]...)
			raw = raw[254:]
		default:
			dst = append(dst, byte(len(raw)+1))
			return append(dst, raw...)
		}
	}
}

// unstuff is the reverse of appendStuffed, in place.
func unstuff(b []byte) ([]byte, bool) {
	out := b[:0]
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || n > len(b) {
			return nil, false
		}
		out = append(out, b[1:n]...)
		b = b[n:]
		if n < 255 && len(b) > 0 {
			out = append(out, 0)
		}
	}
	return out, true
}

// frameReader finds the intact frames in a stream and skips the rest.
type frameReader struct {
	r *bufio.Reader
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{bufio.NewReaderSize(r, frameSize+frameSize/254+2)}
}

// next returns the next intact frame, whose body is good until the next call,
// or the stream's error.
func (r *frameReader) next() (frame, error) {
	tooLong := false
	for {
		chunk, err := r.r.ReadSlice(0)
		switch {
		case err == bufio.ErrBufferFull:
			tooLong = true
			continue
		case err != nil:
			return frame{}, err
		case tooLong:
			tooLong = false
			continue
		}
		if f, ok := decodeFrame(chunk[:len(chunk)-1]); ok {
			return f, nil
		}
	}
}
