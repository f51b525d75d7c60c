// Package etc merges what a machine has changed in its /etc with what a newer version of its image
// has there, file by file: from the version that was changed, two others were made, one by the
// machine and one by whoever made the new version.
package etc

import (
	"bytes"
	"slices"
	"strings"
)

// accounts are the files of which each line is one thing, by what is in front of its first colon:
// passwd(5), group(5), shadow(5), gshadow(5), subuid(5), subgid(5). Both sides add at their end.
var accounts = []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"}

// Merge gives what a file, by its path below /etc, has to have; nil is that it is not there, of
// what is given and of what is returned. Kept names what both sides have changed, each in a way of
// its own: there it is as the machine has it.
func Merge(path string, base, ours, theirs []byte) (merged []byte, kept []string) {
	switch {
	case same(ours, theirs) || same(ours, base):
		return theirs, nil
	case same(theirs, base) || theirs == nil || ours == nil:
		return ours, nil
	}
	if slices.Contains(accounts, path) {
		if merged, kept, ok := mergeAccounts(string(base), string(ours), string(theirs)); ok {
			return []byte(merged), kept
		}
	} else if base != nil && isText(base) && isText(ours) && isText(theirs) {
		if merged, ok := mergeLines(lines(string(base)), lines(string(ours)), lines(string(theirs))); ok {
			return []byte(strings.Join(merged, "")), nil
		}
	}
	return ours, []string{path}
}

// same says whether two files are: both there with the same bytes, or both not.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func isText(b []byte) bool { return bytes.IndexByte(b, 0) < 0 }

// lines are those of a text, each with the newline that ends it.
func lines(text string) (all []string) {
	for l := range strings.Lines(text) {
		all = append(all, l)
	}
	return all
}

// account is a line of a file of accounts.
type account struct{ name, line string }

// readAccounts reads a file of accounts; it is none when a name is there twice.
func readAccounts(text string) (all []account, by map[string]string, ok bool) {
	by = map[string]string{}
	for _, l := range lines(text) {
		l = strings.TrimSuffix(l, "\n") + "\n"
		name, _, _ := strings.Cut(l, ":")
		if _, twice := by[name]; twice {
			return nil, nil, false
		}
		by[name] = l
		all = append(all, account{name, l})
	}
	return all, by, true
}

// mergeAccounts merges files of accounts: ours in their order, and then what theirs have in
// addition. What one side has removed stays away, unless the other one has changed it.
func mergeAccounts(base, ours, theirs string) (merged string, kept []string, ok bool) {
	_, was, ok1 := readAccounts(base)
	mine, here, ok2 := readAccounts(ours)
	news, there, ok3 := readAccounts(theirs)
	if !ok1 || !ok2 || !ok3 {
		return "", nil, false
	}
	var out strings.Builder
	for _, a := range mine {
		before, had := was[a.name]
		new, has := there[a.name]
		switch {
		case had && a.line == before: // as it was: theirs, be it that it is gone
			out.WriteString(new)
		case !has || new == before || new == a.line:
			out.WriteString(a.line)
		default:
			out.WriteString(a.line)
			kept = append(kept, a.name)
		}
	}
	for _, a := range news {
		if _, has := here[a.name]; !has && a.line != was[a.name] {
			out.WriteString(a.line)
		}
	}
	return out.String(), kept, true
}
