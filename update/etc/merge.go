// Package etc merges what a machine has changed in its /etc with what a newer version of its image
// has there, file by file: from the version that was changed, two others were made, one by the
// machine and one by whoever made the new version.
package etc

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// accounts are the files of which each line is one thing, by what is in front of its first colon:
// passwd(5), group(5), shadow(5), gshadow(5), subuid(5), subgid(5). Both sides add at their end.
var accounts = []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"}

// Merge gives what a file, by its path below /etc, has to have; nil is that it is not there, of
// what is given and of what is returned. Notes are sentences on what a person may have to look at:
// where both sides have changed the same, it is as the machine has it.
func Merge(path string, base, ours, theirs []byte) (merged []byte, notes []string) {
	switch {
	case same(ours, theirs) || same(ours, base):
		return theirs, nil
	case same(theirs, base) || ours == nil:
		return ours, nil
	case theirs == nil && base == nil:
		return ours, nil
	case theirs == nil:
		return ours, []string{"it was changed here, and the new version has none; it stays"}
	}
	if slices.Contains(accounts, path) {
		if merged, notes, ok := mergeAccounts(path, string(base), string(ours), string(theirs)); ok {
			return []byte(merged), notes
		}
	} else if base != nil && isText(base) && isText(ours) && isText(theirs) {
		if merged, ok := mergeLines(lines(string(base)), lines(string(ours)), lines(string(theirs))); ok {
			return []byte(strings.Join(merged, "")), nil
		}
	}
	return ours, []string{"it was changed here and in the new version, and stays as it is here"}
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

// id is the one that an account has in passwd or group; "" in other files.
func (a account) id(path string) string {
	if f := strings.Split(strings.TrimSuffix(a.line, "\n"), ":"); len(f) > 2 && (path == "passwd" || path == "group") {
		return f[2]
	}
	return ""
}

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
// addition. What was removed here stays away.
func mergeAccounts(path, base, ours, theirs string) (merged string, notes []string, ok bool) {
	_, was, ok1 := readAccounts(base)
	mine, here, ok2 := readAccounts(ours)
	news, there, ok3 := readAccounts(theirs)
	if !ok1 || !ok2 || !ok3 {
		return "", nil, false
	}
	var out strings.Builder
	ids := map[string]string{}
	for _, a := range mine {
		line := a.line
		before, had := was[a.name]
		new, has := there[a.name]
		switch {
		case had && a.line == before: // theirs, be it that it is gone
			line = new
		case has && new != before && new != a.line:
			notes = append(notes, fmt.Sprintf("%s was changed here and in the new version, and stays as it is here", a.name))
		}
		if out.WriteString(line); line != "" {
			ids[account{a.name, line}.id(path)] = a.name
		}
	}
	for _, a := range news {
		_, has := here[a.name]
		before, had := was[a.name]
		switch {
		case has:
		case !had:
			if id := a.id(path); id != "" && ids[id] != "" {
				notes = append(notes, fmt.Sprintf("%s is new and has the id %s, which %s has here", a.name, id, ids[id]))
			}
			out.WriteString(a.line)
		case a.line != before:
			notes = append(notes, fmt.Sprintf("%s was removed here and changed in the new version; it stays away", a.name))
		}
	}
	return out.String(), notes, true
}
