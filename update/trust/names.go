package trust

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// The longest metadata files, in bytes, that are read. They are ours: the specification
// leaves limits to the client (5.3.3, 5.4.1, 5.5.1, 5.6.1).
const (
	MostRoot      = 512 << 10
	MostTimestamp = 16 << 10
	MostSnapshot  = 2 << 20
	MostTargets   = 5 << 20
)

// MostRoots is how many new roots one refresh follows (specification 5.3.3, "Y").
const MostRoots = 32

var (
	remoteName = regexp.MustCompile(`^metadata/(?:(timestamp)|[1-9][0-9]{0,8}\.(root|snapshot|targets))\.json$`)
	storedName = regexp.MustCompile(`^(?:(timestamp|snapshot|targets)|[1-9][0-9]{0,8}\.(root))\.json$`)
	targetName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+~-]*(/[A-Za-z0-9_][A-Za-z0-9._+~-]*)*$`)
	hexSum     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// mostOf is the longest a metadata file of a role is.
var mostOf = map[string]int64{
	"root": MostRoot, "timestamp": MostTimestamp, "snapshot": MostSnapshot, "targets": MostTargets,
}

// limit is the longest that the file of a name may be, or false if no file has such a name.
func limit(pattern *regexp.Regexp, name string) (int64, bool) {
	m := pattern.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	return mostOf[m[1]+m[2]], true
}

// CheckTargetName says why a target cannot have a name: it is a relative path of at most
// 255 bytes, whose parts begin with a letter, a digit or "_", so that none is hidden, or
// "..", wherever it is written to.
func CheckTargetName(name string) error {
	if len(name) > 255 || !targetName.MatchString(name) {
		return fmt.Errorf("target name %.300q: not a relative path of letters, digits and ._+~- whose parts begin with a letter or a digit", name)
	}
	return nil
}

// Target is a file that a repository offers.
type Target struct {
	Name   string `json:"name"`   // "stable/demo.manifest"
	Length int64  `json:"length"` // bytes
	SHA256 string `json:"sha256"` // 64 digits, lower case
}

// Path is where the target lies in a repository: its name, with the hash before its last
// part (specification 6.2, consistent snapshots).
func (t Target) Path() string {
	dir, file := path.Split(t.Name)
	return "targets/" + dir + t.SHA256 + "." + file
}

func (t Target) check() error {
	if err := CheckTargetName(t.Name); err != nil {
		return err
	}
	if t.Length < 0 || !hexSum.MatchString(t.SHA256) {
		return fmt.Errorf("target %s: length %d and SHA-256 %.80q are not those of a file", t.Name, t.Length, t.SHA256)
	}
	return nil
}

// printable is text from elsewhere as a part of a message: one line of at most most bytes.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\ufffd' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
