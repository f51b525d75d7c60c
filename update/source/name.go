package source

import (
	"fmt"
	"strings"
)

// MaxName bounds a file's name, in bytes. A ustar header holds 100 after the last slash that
// it splits a name at and 155 before it (POSIX.1-2017, pax, ustar interchange format).
const MaxName = 255

// CheckName says why a repository's file cannot have a name: names are relative, of elements
// that slashes separate and that are neither empty nor "." nor "..", and have letters and
// digits of ASCII and "._+-" in them.
func CheckName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("the name of a repository's file has %d bytes, more than %d", len(name), MaxName)
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == "" || e == "." || e == ".." {
			return fmt.Errorf("%q is no name of a repository's file: it has %q between slashes", name, e)
		}
		if i := strings.IndexFunc(e, foreign); i >= 0 {
			return fmt.Errorf("%q is no name of a repository's file: it has %q in it", name, e[i:i+1])
		}
	}
	return nil
}

func foreign(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("._+-", r)
}
