package flash

import (
	"bytes"
	"fmt"
	"io"

	"clarityos/images/sparse"
	"clarityos/update/gpt"
	"clarityos/update/loader"
)

// guidText is how long the text of a GUID is.
const guidText = 36

// findState gives where in r, within its parts with data, a boot entry names a partition
// by its GUID: the offsets of the GUID's text. Part is how much is read at a time. An entry
// is found where it lies in one piece, as package fat writes all files.
func findState(r io.ReaderAt, within sparse.Extent, data []sparse.Extent, g gpt.GUID, part int64) ([]int64, error) {
	const size = len(loader.StateWord) + guidText
	text := []byte(g.String())
	var out []int64
	buf := make([]byte, part+int64(size)-1)
	for _, p := range sparse.Pieces(within, data, 1) {
		if !p.Data {
			continue
		}
		for at := p.Start; at < p.End; at += part {
			b := buf[:min(int64(len(buf)), p.End-at)] // with the start of the next part
			if _, err := r.ReadAt(b, at); err != nil {
				return nil, fmt.Errorf("read the ESP at %d: %w", at, err)
			}
			for i := 0; i+size <= len(b); i++ {
				n := bytes.Index(b[i:], []byte(loader.StateWord))
				if n < 0 || i+n+size > len(b) {
					break
				}
				i += n
				if bytes.EqualFold(b[i+len(loader.StateWord):i+size], text) {
					out = append(out, at+int64(i+len(loader.StateWord)))
				}
			}
		}
	}
	return out, nil
}
