package fat

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// names are those of one folder.
type names struct{ short map[[11]byte]bool }

func newNames() *names { return &names{map[[11]byte]bool{}} }

// allowed are the characters of short names, besides letters and digits.
const allowed = "$%'-_@~`!(){}^#&"

// add gives the short name of a name in its folder, and the parts of the long one, the first
// part first; none where the short one says all.
func (n *names) add(name string) (short [11]byte, long [][entry]byte, err error) {
	base, ext := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		base, ext = name[:dot], name[dot+1:]
	}
	stem, suffix := shortened(base, 8), shortened(ext, 3)
	short = eleven(stem, suffix)
	fits := strings.EqualFold(stem, base) && strings.EqualFold(suffix, ext) && stem != "" // but for capitals
	for i := 1; !fits || n.short[short]; i++ {
		tail := fmt.Sprintf("~%d", i)
		if i > 99999 {
			return short, nil, fmt.Errorf("%s: too many names like it in one folder", name)
		}
		if short = eleven(stem[:min(len(stem), 8-len(tail))]+tail, suffix); !n.short[short] {
			break
		}
	}
	n.short[short] = true
	if fits && stem == base && suffix == ext && short == eleven(stem, suffix) {
		return short, nil, nil
	}
	return short, longParts(name, checksum(short)), nil
}

// shortened keeps what a part of a short name may have, in capitals.
func shortened(s string, most int) string {
	out := make([]byte, 0, most)
	for _, c := range []byte(strings.ToUpper(s)) {
		if len(out) < most && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(allowed, c) >= 0) {
			out = append(out, c)
		}
	}
	return string(out)
}

func eleven(stem, suffix string) (out [11]byte) {
	copy(out[:], fmt.Sprintf("%-8s%-3s", stem, suffix))
	return out
}

// checksum ties the parts of a long name to its short one.
func checksum(short [11]byte) (sum byte) {
	for _, c := range short {
		sum = sum<<7 | sum>>1
		sum += c
	}
	return sum
}

// Where the characters of a part of a long name are.
var longAt = [13]int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30}

func longParts(name string, sum byte) (out [][entry]byte) {
	chars := utf16.Encode([]rune(name))
	for begin := 0; begin < len(chars); begin += len(longAt) {
		var part [entry]byte
		part[0], part[11], part[13] = byte(len(out)+1), isLong, sum
		for i, at := range longAt {
			c := uint16(0xffff)
			switch n := begin + i; {
			case n < len(chars):
				c = chars[n]
			case n == len(chars):
				c = 0
			}
			binary.LittleEndian.PutUint16(part[at:], c)
		}
		out = append(out, part)
	}
	out[len(out)-1][0] |= 0x40 // the last one
	return out
}
