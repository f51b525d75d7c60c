package index

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Name is a name in a file system: any bytes. In JSON a "%" and what is no UTF-8 stand as
// "%25" and the like.
type Name string

// MarshalText gives the name as JSON has it.
func (n Name) MarshalText() ([]byte, error) {
	var b []byte
	for left := string(n); left != ""; {
		r, size := utf8.DecodeRuneInString(left)
		if r == utf8.RuneError && size == 1 || r == '%' {
			b = fmt.Appendf(b, "%%%02X", left[0])
		} else {
			b = append(b, left[:size]...)
		}
		left = left[size:]
	}
	return b, nil
}

// UnmarshalText reads what MarshalText gives.
func (n *Name) UnmarshalText(text []byte) error {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		var one [1]byte
		if len(text)-i < 3 {
			return fmt.Errorf("%q ends in the middle of a byte", text)
		}
		if _, err := hex.Decode(one[:], text[i+1:i+3]); err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		b.WriteByte(one[0])
		i += 2
	}
	*n = Name(b.String())
	return nil
}

// Hash is a SHA-256 sum, in JSON in hex.
type Hash [sha256.Size]byte

// String gives it in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives it in hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads it in hex.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) {
		return fmt.Errorf("a SHA-256 of %d digits", len(text))
	}
	_, err := hex.Decode(h[:], text)
	return err
}
