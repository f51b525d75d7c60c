// Package sealed puts a line before the content of a file that says what it is, of
// which version, and sums it up, so that one that is damaged or foreign is known as that.
package sealed

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Seal gives a file with a content. Kind is its name and version, such as "graph 1".
func Seal(kind string, content []byte) []byte {
	return fmt.Appendf(nil, "clarity %s sha256 %x\n%s", kind, sha256.Sum256(content), content)
}

// Open gives the content of what Seal gave for the same kind.
func Open(kind string, file []byte) ([]byte, error) {
	first, content, _ := bytes.Cut(file, []byte("\n"))
	sum, ours := strings.CutPrefix(string(first), "clarity "+kind+" sha256 ")
	switch {
	case !ours:
		return nil, fmt.Errorf("it does not begin with %q: it is something else, or of another version", "clarity "+kind)
	case sum != fmt.Sprintf("%x", sha256.Sum256(content)):
		return nil, fmt.Errorf("it is damaged: its checksum does not hold")
	}
	return content, nil
}
