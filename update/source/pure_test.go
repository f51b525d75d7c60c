package source

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// tricks are names that no file of a repository has.
var tricks = map[string]string{
	"none":                   "",
	"up":                     "..",
	"up in the middle":       "data/../../etc/passwd",
	"up at the end":          "data/..",
	"itself":                 ".",
	"itself in the middle":   "data/./x",
	"absolute":               "/etc/passwd",
	"a slash at the end":     "data/",
	"two slashes":            "data//x",
	"NUL":                    "data/x\x00.json",
	"a backslash":            `data\..\x`,
	"a space":                "data/x y",
	"a new line":             "data/x\n",
	"percent":                "data/%2e%2e/x",
	"a query":                "data/x?y",
	"a fragment":             "data/x#y",
	"a scheme":               "http:x",
	"an at sign":             "x@y",
	"not ASCII":              "data/ä",
	"not UTF-8":              "data/\xff",
	"a full-width full stop": "data/．．/x",
	"too long":               strings.Repeat("x", MaxName+1),
}

func TestCheckName(t *testing.T) {
	for what, n := range tricks {
		if err := CheckName(n); err == nil || !strings.Contains(err.Error(), "repository's file") {
			t.Errorf("%s (%q): %v", what, n, err)
		}
	}
	for _, n := range []string{"metadata/timestamp.json", "metadata/3.root.json", "data/0a.pack", "a", "...", "..a", "-_+.", strings.Repeat("x", MaxName),
		"targets/stable/demo-amd64/" + strings.Repeat("0123456789abcdef", 4) + ".1.2.0.json"} {
		if err := CheckName(n); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckRanges(t *testing.T) {
	for what, r := range map[string][]Range{
		"empty":            {{0, 0}},
		"too long":         {{0, MaxRange + 1}},
		"negative":         {{0, -1}},
		"before the begin": {{-1, 1}},
		"overlapping":      {{0, 10}, {9, 1}},
		"backwards":        {{10, 1}, {0, 1}},
		"twice":            {{10, 1}, {10, 1}},
		"beyond all":       {{math.MaxInt64, 1}},
	} {
		if err := CheckRanges(r); err == nil {
			t.Errorf("%s: %v was taken", what, r)
		}
	}
	for _, r := range [][]Range{nil, {{0, 1}}, {{0, MaxRange}, {MaxRange, 1}, {math.MaxInt64 - 1, 1}}} {
		if err := CheckRanges(r); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestTogether(t *testing.T) {
	for what, c := range map[string]struct {
		ranges []Range
		want   int
	}{
		"none":                 {nil, 0},
		"one":                  {[]Range{{5, 1}}, 1},
		"adjacent":             {[]Range{{0, 5}, {5, 1}, {6, 1}}, 3},
		"nearly":               {[]Range{{0, 5}, {14, 1}}, 2},
		"not nearly":           {[]Range{{0, 5}, {15, 1}}, 1},
		"then one far away":    {[]Range{{0, 5}, {5, 1}, {16, 1}, {17, 1}}, 2},
		"each gap for its own": {[]Range{{0, 1}, {10, 1}, {20, 1}, {30, 1}}, 4},
	} {
		if got := together(c.ranges, 10); got != c.want {
			t.Errorf("%s: %d, not %d", what, got, c.want)
		}
	}
}

func genRanges(t *rapid.T, size int64) (out []Range) {
	for at := int64(0); ; {
		at += rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 100), rapid.Int64Range(nearby-1, nearby+1), rapid.Int64Range(0, size/4)).Draw(t, "gap")
		r := Range{at, rapid.Int64Range(1, 30_000).Draw(t, "length")}
		if at = r.end(); at > size {
			return out
		}
		out = append(out, r)
	}
}

// Wherever requests break, and in whatever pieces bytes come: each range is given once, with its
// own bytes, and nothing is asked for that has come already or is far from what is wanted.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := genRanges(t, 1<<18)
		var got []byte
		next := 0
		p := newParts(ranges, func(i int, part []byte) error {
			if i != next {
				t.Fatalf("range %d comes after %d of them", i, next)
			}
			next++
			got = append(got, part...)
			return nil
		})
		for end := int64(0); ; {
			want := p.want()
			if want.Length == 0 {
				break
			}
			if want.At < end || want.Length < 1 {
				t.Fatalf("%v is asked for after byte %d", want, end)
			}
			breaks := rapid.Int64Range(0, 2*want.Length).Draw(t, "breaks")
			var body io.Reader = bytes.NewReader(file[want.At : want.At+min(breaks, want.Length)])
			switch rapid.IntRange(0, 2).Draw(t, "pieces") {
			case 0:
				body = iotest.HalfReader(body)
			case 1:
				body = iotest.DataErrReader(body)
			}
			n, err := p.read(body, want)
			if n != min(breaks, want.Length) || (err == nil) != (n == want.Length) {
				t.Fatalf("%d of %d bytes: %v", n, want.Length, err)
			}
			end = want.At + n
		}
		if next != len(ranges) || !bytes.Equal(got, parted(ranges)) && len(ranges) > 0 {
			t.Fatalf("%d of %d ranges, %d bytes", next, len(ranges), len(got))
		}
	})
}

func TestWait(t *testing.T) {
	for what, c := range map[string]struct {
		failures     int
		spent, after time.Duration
		random       float64
		want         time.Duration
		more         bool
	}{
		"the first":                   {1, 0, 0, 0.5, 500 * time.Millisecond, true},
		"at once":                     {1, 0, 0, 0, 0, true},
		"the fourth":                  {4, 0, 0, 0.5, 4 * time.Second, true},
		"the longest":                 {7, 0, 0, 0.5, 15 * time.Second, true},
		"too many":                    {8, 0, 0, 0, 0, false},
		"as the server wants":         {1, 0, time.Minute, 0.5, time.Minute + 500*time.Millisecond, true},
		"longer than is waited for":   {1, 0, longestAfter + 1, 0, 0, false},
		"out of patience":             {2, patience, 0, 0.5, time.Second, false},
		"patience to the last":        {2, patience - time.Second, 0, 0.5, time.Second, true},
		"the server's wish is beyond": {1, patience - time.Second, 2 * time.Second, 0, 2 * time.Second, false},
	} {
		if got, more := wait(c.failures, c.spent, c.after, c.random); got != c.want || more != c.more {
			t.Errorf("%s: %v, %v, not %v, %v", what, got, more, c.want, c.more)
		}
	}
	if progress <= slowest*int64(window/time.Second) {
		t.Error("a server that is just not too slow counts as one that gets on")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		after, date string
		want        time.Duration
	}{
		"none":              {"", "", 0},
		"seconds":           {"120", "", 2 * time.Minute},
		"a date":            {"Sun, 29 Nov 2026 12:00:05 GMT", "", 5 * time.Second},
		"by its own clock":  {"Thu, 01 Jan 1970 00:01:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", time.Minute},
		"in the past":       {"Sun, 29 Nov 2026 11:00:00 GMT", "", 0},
		"negative":          {"-5", "", 0},
		"no number or date": {"soon", "", 0},
		"beyond all":        {"99999999999999999999", "", 0},
	} {
		if got := retryAfter(http.Header{"Retry-After": {c.after}, "Date": {c.date}}, now); got != c.want {
			t.Errorf("%s: %v, not %v", what, got, c.want)
		}
	}
}

func TestContentRange(t *testing.T) {
	for s, want := range map[string][3]int64{
		"bytes 0-0/1":      {0, 0, 1},
		"bytes 10-99/1000": {10, 99, 1000},
		"bytes 10-99/*":    {10, 99, 0},
		"bytes 0-9223372036854775806/9223372036854775807": {0, math.MaxInt64 - 1, math.MaxInt64},
	} {
		first, last, total, err := parseContentRange(s)
		if got := [3]int64{first, last, total}; err != nil || got != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "bytes", "bytes ", "bytes */10", "bytes 0-9", "bytes 0-9/", "bytes 9-0/10", "bytes 0-10/10", "bytes -1-5/10", "bytes +1-5/10",
		"bytes 0--5/10", "bytes 0-5/-10", "bytes 0-5/10 ", "bytes 0-5/10/10", "bytes 0x0-5/10", "bytes  0-5/10", "chars 0-5/10", "bytes 0-9223372036854775808/*"} {
		if first, last, total, err := parseContentRange(s); err == nil {
			t.Errorf("%q: %d-%d/%d", s, first, last, total)
		}
	}
}

// Whatever is read when: in no stretch of time is there more than the rate allows, a burst
// and a piece.
func TestPace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &pace{perSecond: rapid.Int64Range(1, 1<<24).Draw(t, "rate")}
		now := time.Unix(0, 0)
		type took struct {
			at time.Time
			n  int
		}
		var all []took
		for range rapid.IntRange(1, 30).Draw(t, "reads") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*burst)).Draw(t, "idle")))
			now = now.Add(max(0, p.wait(now)))
			n := rapid.IntRange(0, p.most()).Draw(t, "n")
			p.took(now, n)
			all = append(all, took{now, n})
		}
		for i := range all {
			sum := int64(0)
			for _, b := range all[i:] {
				sum += int64(b.n)
				// A piece has one byte at least, and each rounds down by less than 1 ns.
				if most := (b.at.Sub(all[i].at)+burst).Seconds()*float64(p.perSecond) + float64(p.most()) + 1; float64(sum) > most {
					t.Fatalf("%d bytes in %v at %d a second", sum, b.at.Sub(all[i].at), p.perSecond)
				}
			}
		}
	})
	if p := (&pace{}); p.most() != piece || p.wait(time.Now()) > 0 {
		t.Error("no limit limits")
	}
}

func TestVersions(t *testing.T) {
	one := version{`"1"`, "then", 5}
	for _, same := range []version{{}, one, {etag: `"1"`}, {modified: "then"}, {total: 5}} {
		if one.differs(same) || same.differs(one) {
			t.Errorf("%v differs from %v", same, one)
		}
		if same.learn(one); same != one {
			t.Errorf("%v is learned of %v", same, one)
		}
	}
	for _, other := range []version{{etag: `W/"1"`}, {`"1"`, "now", 5}, {total: 6}} {
		if !one.differs(other) {
			t.Errorf("%v is %v", other, one)
		}
	}
	tags := []string{"", `W/"1"`, `"1"`}
	if got := slices.IndexFunc(tags, func(s string) bool { return (&version{etag: s}).strong() }); got != 2 {
		t.Errorf("%s is strong", tags[got])
	}
}

// A failure that may be over tells so, and for how long not to ask.
func TestTemporary(t *testing.T) {
	err := fmt.Errorf("x: %w", &TemporaryError{io.ErrUnexpectedEOF, time.Minute})
	if err.Error() != "x: unexpected EOF; the server wants to be asked again in 1m0s" {
		t.Error(err)
	}
}
