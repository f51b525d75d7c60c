// Package chunks cuts data where its content says so, and keeps the pieces compressed in a
// pack, from which a machine fetches those that it does not have. What has changed in one
// place has the same chunks everywhere else.
//
//	split.go  where data is cut
//	table.go  which chunks a pack has, and of which ones parts consist
//	pack.go   packing and unpacking
//
// Nothing is unpacked whose packed bytes do not have the hash that the table gives, and
// nothing is given out whose plain bytes do not.
package chunks

import (
	"errors"
	"fmt"
	"io"
)

// Bounds of a chunk's size, in bytes. Only what is at the end of data is shorter.
const (
	SizeLeast = 16 << 10
	SizeMost  = 256 << 10
	// sizeUsual is about what chunks have.
	sizeUsual = 64 << 10
)

// Normalized chunking (Xia et al., FastCDC, USENIX ATC 2016, 3.3): up to the usual size a
// boundary takes two bits more than that size has, and after it two less.
const (
	strict = uint64(1<<18-1) << (64 - 18)
	lax    = uint64(1<<14-1) << (64 - 14)
)

// gear has a random word for each byte; by splitmix64 from 0 on (Steele et al., OOPSLA 2014).
var gear = func() (table [256]uint64) {
	for i := range table {
		z := uint64(i+1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		table[i] = z ^ z>>31
	}
	return table
}()

// boundary gives how long the chunk is that data begins with. Data is at least SizeMost bytes,
// or all that there is.
func boundary(data []byte) int {
	if len(data) <= SizeLeast {
		return len(data)
	}
	data = data[:min(len(data), SizeMost)]
	var hash uint64
	for i := SizeLeast; i < len(data); i++ {
		hash = hash<<1 + gear[data[i]]
		mask := strict
		if i >= sizeUsual {
			mask = lax
		}
		if hash&mask == 0 {
			return i + 1
		}
	}
	return len(data)
}

// Split reads data to its end and hands its chunks on, in order. A chunk is valid until each
// returns, whose error ends it.
func Split(data io.Reader, each func(chunk []byte) error) error {
	buffer := make([]byte, 4*SizeMost)
	begin, end, all := 0, 0, false
	for {
		if !all && end-begin < SizeMost {
			end = copy(buffer, buffer[begin:end])
			begin = 0
			n, err := io.ReadFull(data, buffer[end:])
			end += n
			switch {
			case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
				all = true
			case err != nil:
				return fmt.Errorf("read what is cut into chunks: %w", err)
			}
		}
		if begin == end {
			return nil
		}
		n := boundary(buffer[begin:end])
		if err := each(buffer[begin : begin+n]); err != nil {
			return err
		}
		begin += n
	}
}
