// Package office boots an image of daemons that need each other in every way that
// the learning component tells, and holds what it tells to the truth beside it.
package office

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Recall is the part of the truth that has to be found, at least.
const Recall = 0.99

// Use is a line of the truth: User uses Object of Owner.
type Use struct {
	User, Owner, Kind, Object string
}

func (u Use) String() string { return fmt.Sprintf("%s %s %s:%s", u.User, u.Owner, u.Kind, u.Object) }

// Counts says whether a use is the office's, and not the image's own.
func (u Use) Counts() bool {
	own := func(unit string) bool { return strings.HasPrefix(unit, "clarity-") || unit == "init.scope" }
	return !own(u.User) && !own(u.Owner)
}

// ReadTruth reads lines of USER OWNER KIND:OBJECT, empty ones, and comments, which
// begin with "#".
func ReadTruth(r io.Reader) (truth []Use, err error) {
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d has %d words, not USER OWNER KIND:OBJECT", n, len(f))
		}
		kind, object, ok := strings.Cut(f[2], ":")
		u := Use{User: f[0], Owner: f[1], Kind: kind, Object: object}
		switch {
		case !ok || object == "":
			return nil, fmt.Errorf("line %d: %q is not KIND:OBJECT", n, f[2])
		case slices.Contains(truth, u):
			return nil, fmt.Errorf("line %d says %s again", n, u)
		}
		truth = append(truth, u)
	}
	return truth, s.Err()
}

// Score is how what was told compares with the truth.
type Score struct {
	Found, Missing, Wrong []Use // sorted
}

// Compare scores what was told; a use may have been told more than once.
func Compare(truth, told []Use) (s Score) {
	for _, u := range truth {
		if slices.Contains(told, u) {
			s.Found = append(s.Found, u)
		} else {
			s.Missing = append(s.Missing, u)
		}
	}
	for _, u := range told {
		if u.Counts() && !slices.Contains(truth, u) && !slices.Contains(s.Wrong, u) {
			s.Wrong = append(s.Wrong, u)
		}
	}
	for _, list := range [][]Use{s.Found, s.Missing, s.Wrong} {
		slices.SortFunc(list, func(a, b Use) int { return strings.Compare(a.String(), b.String()) })
	}
	return s
}

// Recall is the part of the truth that was found, 0 to 1.
func (s Score) Recall() float64 {
	return float64(len(s.Found)) / float64(max(1, len(s.Found)+len(s.Missing)))
}

// Good says whether enough was found, and nothing that is not true.
func (s Score) Good() bool { return s.Recall() >= Recall && len(s.Wrong) == 0 }

// String gives the recall of all and of each kind, then what is missing and wrong.
func (s Score) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "recall %.3f", s.Recall())
	found, all := map[string]int{}, map[string]int{}
	for _, u := range s.Found {
		found[u.Kind]++
		all[u.Kind]++
	}
	for _, u := range s.Missing {
		all[u.Kind]++
	}
	for _, kind := range []string{"unix", "tcp", "udp", "file", "fifo", "device", "mount", "bus"} {
		if all[kind] > 0 {
			fmt.Fprintf(&b, ", %s %d/%d", kind, found[kind], all[kind])
		}
	}
	for _, u := range s.Missing {
		fmt.Fprintf(&b, "\nmissing: %s", u)
	}
	for _, u := range s.Wrong {
		fmt.Fprintf(&b, "\nwrong:   %s", u)
	}
	return b.String()
}
