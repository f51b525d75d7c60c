package source

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"clarityos/update/trust"
)

// version is what a server has said of a file, which it would not say of another version of
// it. Zero fields are not known.
type version struct {
	etag     string
	modified string // Last-Modified
	total    int64  // its size, in bytes
}

// strong says whether an ETag is there that means the same bytes (RFC 9110, 8.8.1).
func (v *version) strong() bool { return strings.HasPrefix(v.etag, `"`) }

// differs says whether two versions cannot be the same file.
func (v *version) differs(w version) bool {
	return v.etag != "" && w.etag != "" && v.etag != w.etag ||
		v.modified != "" && w.modified != "" && v.modified != w.modified ||
		v.total != 0 && w.total != 0 && v.total != w.total
}

// learn takes over what was not known.
func (v *version) learn(w version) {
	if v.etag == "" {
		v.etag = w.etag
	}
	if v.modified == "" {
		v.modified = w.modified
	}
	if v.total == 0 {
		v.total = w.total
	}
}

// checkWhole says what is wrong with an answer to a request for a file of at most so many bytes.
func checkWhole(a *http.Response, most int64) error {
	if a.StatusCode != http.StatusOK {
		return refusal(a)
	}
	if err := checkPlain(a); err != nil {
		return err
	}
	if a.ContentLength > most {
		return fmt.Errorf("it has %d bytes, %d are the most: %w", a.ContentLength, most, trust.ErrTooLarge)
	}
	return nil
}

// checkPart says what is wrong with an answer to a request for a part of a file, of which a
// version is known; it learns more of that.
func checkPart(a *http.Response, want Range, of *version) error {
	is := version{etag: a.Header.Get("ETag"), modified: a.Header.Get("Last-Modified")}
	switch a.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK: // as If-Range has it of another version, or for want of ranges
		if is.total = max(0, a.ContentLength); of.differs(is) {
			return ErrChanged
		}
		return ErrNoRanges
	case http.StatusRequestedRangeNotSatisfiable:
		_, size, _ := strings.Cut(a.Header.Get("Content-Range"), "/")
		is.total, _ = strconv.ParseInt(size, 10, 64) // what it is not told in stays unknown
		if of.differs(is) {
			return ErrChanged
		}
		return fmt.Errorf("bytes %d to %d: %w", want.At, want.end()-1, ErrOutside)
	default:
		return refusal(a)
	}
	if err := checkPlain(a); err != nil {
		return err
	}
	first, last, total, err := parseContentRange(a.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	is.total = total
	switch {
	case of.differs(is):
		return ErrChanged
	case first == want.At && last < want.end()-1 && total == last+1:
		return fmt.Errorf("it has %d bytes, and up to %d are wanted: %w", total, want.end(), ErrOutside)
	case first != want.At || last != want.end()-1:
		return fmt.Errorf("the server gives bytes %d to %d where %d to %d were asked for; it is not fit for updates", first, last, want.At, want.end()-1)
	case a.ContentLength >= 0 && a.ContentLength != want.Length:
		return fmt.Errorf("the server says that %d bytes are %d; it is not fit for updates", want.Length, a.ContentLength)
	}
	of.learn(is)
	return nil
}

// checkPlain refuses an answer that is not the file's own bytes.
func checkPlain(a *http.Response) error {
	if e := a.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return fmt.Errorf("the server's answer is encoded (%q), though none such was asked for; switch compression off for the repository", e)
	}
	return nil
}

// parseContentRange gives the first and last byte and the size of the file, 0 if that is not
// told, of a Content-Range such as "bytes 0-99/1000" (RFC 9110, 14.4).
func parseContentRange(s string) (first, last, total int64, err error) {
	rest, is := strings.CutPrefix(s, "bytes ")
	from, size, has := strings.Cut(rest, "/")
	a, b, span := strings.Cut(from, "-")
	n := [3]uint64{}
	for i, digits := range []string{a, b, size} {
		if i == 2 && size == "*" {
			continue
		}
		var bad error
		n[i], bad = strconv.ParseUint(digits, 10, 63)
		err = errors.Join(err, bad)
	}
	first, last, total = int64(n[0]), int64(n[1]), int64(n[2])
	if !is || !has || !span || err != nil || first > last || size != "*" && last >= total {
		return 0, 0, 0, fmt.Errorf("the server says %q of which bytes it gives; it is not fit for updates", s)
	}
	return first, last, total, nil
}

// refusal is the error of an answer that has no file.
func refusal(a *http.Response) error {
	err := fmt.Errorf("the server answers %q", a.Status)
	switch a.StatusCode {
	case http.StatusNotFound, http.StatusGone, http.StatusForbidden: // S3 forbids what is not there to those who may not list
		return fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &TemporaryError{err, retryAfter(a.Header, time.Now())}
	}
	return err
}

// retryAfter gives how long a server does not want to be asked (RFC 9110, 10.2.3); 0: it does
// not say. A date is reckoned from the server's own, since the machine's clock may be wrong.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, until.Sub(now))
}
