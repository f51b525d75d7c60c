package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clarityos/update/trust"
)

// What servers do to those who ask them, and what comes of it.
func TestServers(t *testing.T) {
	part := []Range{{0, 100_000}}
	var small []Range
	for i := range int64(50) {
		small = append(small, Range{20_000 * i, 3})
	}
	status := func(code int, until int) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, r *http.Request) {
			if n <= until {
				w.WriteHeader(code)
				return
			}
			well(w, r)
		}
	}
	says := func(contentRange, length string, body int) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 1 {
				well(w, r)
				return
			}
			w.Header().Set("Content-Range", contentRange)
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			w.WriteHeader(http.StatusPartialContent)
			w.Write(file[:body])
			http.NewResponseController(w).Flush() // fails where nobody listens any more
		}
	}
	moved := func(to string) func(int, http.ResponseWriter, *http.Request) {
		return func(n int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	for name, c := range map[string]struct {
		serve   func(n int, w http.ResponseWriter, r *http.Request)
		ranges  []Range
		err     error  // nil: none, unless text says so
		text    string // in the error
		asked   string // each request in a line, without the path
		fetched int64  // -1: any
		secure  bool
	}{
		"well, whole": {serve: status(0, 0), asked: "0s", fetched: 1 << 20},
		"well, by parts that are near each other": {serve: status(0, 0), ranges: []Range{{0, 10}, {10, 20}, {100, 50}, {100_000, MaxRange / 2}, {100_010 + MaxRange/2 + nearby, 1}},
			asked: "0s bytes=0-149\n0s bytes=100000-624287\n0s bytes=640682-640682", fetched: 150 + MaxRange/2 + 1},
		"well, no parts": {serve: status(0, 0), ranges: []Range{}},
		"well, over TLS": {serve: status(0, 0), ranges: part, asked: "0s bytes=0-99999", fetched: 100_000, secure: true},

		"503 thrice, then well": {serve: status(503, 3), asked: "0s\n500ms\n1.5s\n3.5s", fetched: 1 << 20},
		"503 for ever":          {serve: status(503, 99), err: &TemporaryError{}, text: `the server answers "503 Service Unavailable"; given up after 8 failures in 46s`, asked: "0s\n500ms\n1.5s\n3.5s\n7.5s\n15.5s\n30.5s\n45.5s"},
		"404":                   {serve: status(404, 99), err: fs.ErrNotExist, asked: "0s"},
		"403, as S3 says 404":   {serve: status(403, 99), ranges: part, err: fs.ErrNotExist, asked: "0s bytes=0-99999"},
		"401":                   {serve: status(401, 99), text: `the server answers "401 Unauthorized"`, asked: "0s"},
		"204, so no file":       {serve: status(204, 99), text: `the server answers "204 No Content"`, asked: "0s"},
		"429 with Retry-After": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			status(429, 1)(n, w, r)
		}, asked: "0s\n7.5s", fetched: 1 << 20},
		"429 with a Retry-After of an hour": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, err: &TemporaryError{After: time.Hour}, text: "asked again in 1h0m0s", asked: "0s"},

		"stalls in the middle": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w = &after{w, 50_000, stall(r)}
			}
			well(w, r)
		}, ranges: part, asked: "0s bytes=0-99999\n30.5s bytes=50000-99999", fetched: 100_000},
		"never answers": {serve: func(n int, w http.ResponseWriter, r *http.Request) { stall(r)() },
			err: &TemporaryError{}, text: "no answer came for 30s", fetched: 0,
			asked: "0s\n30.5s\n1m1.5s\n1m33.5s\n2m7.5s\n2m45.5s\n3m30.5s\n4m15.5s"},
		"a byte now and then": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			well(&after{w, 1, pause(r, 20*time.Second)}, r)
		}, err: &TemporaryError{}, text: "less than 1000 bytes a second came for 1m0s", asked: "0s\n1m0.5s\n2m1.5s\n3m3.5s\n4m7.5s\n5m15.5s", fetched: 24},
		"bytes now and then, by small parts": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			well(&after{w, 1, pause(r, 15*time.Second)}, r)
		}, ranges: small,
			err: &TemporaryError{}, text: "less than 1000 bytes", fetched: -1},

		"resets, and goes on there": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n < 4 {
				w = &after{w, 20_000, reset}
			}
			well(w, r)
		}, ranges: []Range{{0, 50_000}, {50_100, 50_000}}, fetched: 100_100,
			asked: "0s bytes=0-100099\n500ms bytes=20000-100099\n1.5s bytes=40000-100099\n3.5s bytes=60000-100099"},
		"resets in a gap": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w = &after{w, 15, reset}
			}
			well(w, r)
		}, ranges: []Range{{0, 10}, {20, 10}}, fetched: 25, asked: "0s bytes=0-29\n500ms bytes=20-29"},
		"resets again and again, and gets on": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			well(&after{w, 70_000, reset}, r)
		}, ranges: []Range{{0, 700_000}}, fetched: 700_000, asked: "0s bytes=0-699999\n500ms bytes=70000-699999\n" +
			"1s bytes=140000-699999\n1.5s bytes=210000-699999\n2s bytes=280000-699999\n2.5s bytes=350000-699999\n" +
			"3s bytes=420000-699999\n3.5s bytes=490000-699999\n4s bytes=560000-699999\n4.5s bytes=630000-699999"},
		"resets again and again, and hardly gets on": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			well(&after{w, 1, reset}, r)
		}, ranges: part, err: &TemporaryError{}, text: "at byte 8: ", fetched: 8, asked: "0s bytes=0-99999\n500ms bytes=1-99999\n" +
			"1.5s bytes=2-99999\n3.5s bytes=3-99999\n7.5s bytes=4-99999\n15.5s bytes=5-99999\n30.5s bytes=6-99999\n45.5s bytes=7-99999"},
		"resets a whole file": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w = &after{w, 1000, reset}
			}
			well(w, r)
		}, asked: "0s\n500ms", fetched: 1000 + 1<<20},

		"old content in the middle": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				well(&after{w, 1000, reset}, r)
			}
			r.Header.Del("If-Range")
			w.Header().Set("ETag", `"0"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
		}, ranges: part, err: ErrChanged, asked: "0s bytes=0-99999\n500ms bytes=1000-99999", fetched: 1000},
		"another file by If-Range": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if want := []string{"", `"1"`}[n-1]; r.Header.Get("If-Range") != want {
				t.Errorf("If-Range of request %d is %s, not %s", n, r.Header.Get("If-Range"), want)
			}
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
		}, ranges: []Range{{0, 10}, {100_000, 10}}, err: ErrChanged, asked: "0s bytes=0-9\n0s bytes=100000-100009", fetched: 10},
		"another file by a weak ETag": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-Range") != "" {
				t.Error("If-Range with a weak ETag never gives a part")
			}
			w.Header().Set("ETag", fmt.Sprintf(`W/"%d"`, n))
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
		}, ranges: []Range{{0, 10}, {100_000, 10}}, err: ErrChanged, asked: "0s bytes=0-9\n0s bytes=100000-100009", fetched: 10},
		"another size in the middle": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file[n:]))
		}, ranges: []Range{{0, 10}, {100_000, 10}}, err: ErrChanged, asked: "0s bytes=0-9\n0s bytes=100000-100009", fetched: 10},
		"another time in the middle": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Unix(int64(n), 0), bytes.NewReader(file))
		}, ranges: []Range{{0, 10}, {100_000, 10}}, err: ErrChanged, asked: "0s bytes=0-9\n0s bytes=100000-100009", fetched: 10},

		"no ranges": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			well(w, r)
		}, ranges: part, err: ErrNoRanges, text: "full download", asked: "0s bytes=0-99999", fetched: 0},
		"no ranges any more": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 1 {
				r.Header.Del("Range")
			}
			well(w, r)
		}, ranges: []Range{{0, 10}, {100_000, 10}}, err: ErrNoRanges, asked: "0s bytes=0-9\n0s bytes=100000-100009", fetched: 10},
		"a file that ends within a range": {serve: status(0, 0), ranges: []Range{{1<<20 - 5, 10}}, err: ErrOutside, asked: "0s bytes=1048571-1048580"},
		"a file that ends before a range": {serve: status(0, 0), ranges: []Range{{1 << 20, 10}}, err: ErrOutside, asked: "0s bytes=1048576-1048585"},
		"other bytes":                     {serve: says("bytes 1-100000/1048576", "", 0), ranges: part, text: "bytes 1 to 100000 where 0 to 99999 were asked for", asked: "0s bytes=0-99999"},
		"fewer bytes":                     {serve: says("bytes 0-9/1048576", "", 0), ranges: part, text: "bytes 0 to 9 where 0 to 99999 were asked for", asked: "0s bytes=0-99999"},
		"more bytes":                      {serve: says("bytes 0-100000/1048576", "", 0), ranges: part, text: "bytes 0 to 100000 where 0 to 99999 were asked for", asked: "0s bytes=0-99999"},
		"no Content-Range":                {serve: says("", "", 0), ranges: part, text: `the server says "" of which bytes it gives`, asked: "0s bytes=0-99999"},
		"another length":                  {serve: says("bytes 0-99999/1048576", "100001", 0), ranges: part, text: "100000 bytes are 100001", asked: "0s bytes=0-99999"},
		"a shorter body than it says":     {serve: says("bytes 0-99999/1048576", "100000", 99_000), ranges: part, asked: "0s bytes=0-99999\n500ms bytes=99000-99999", fetched: 100_000},
		"a shorter body, well ended":      {serve: says("bytes 0-99999/*", "", 99_000), ranges: part, asked: "0s bytes=0-99999\n500ms bytes=99000-99999", fetched: 100_000},
		"a longer body":                   {serve: says("bytes 0-99999/1048576", "", 200_000), ranges: part, asked: "0s bytes=0-99999", fetched: 100_000},

		"endless data": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(file); err != nil {
					return
				}
			}
		}, err: trust.ErrTooLarge, asked: "0s", fetched: 1<<20 + 1},
		"a large file": {serve: func(n int, w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "1048577") },
			err: trust.ErrTooLarge, text: "it has 1048577 bytes, 1048576 are the most", asked: "0s", fetched: 0},
		"endless headers": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", maxHeader))
		}, err: &TemporaryError{}, text: "headers exceeded 65536 bytes", fetched: 0},
		"compressed": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("Accept-Encoding: %q", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(file)
		}, text: `encoded ("gzip")`, asked: "0s", fetched: 0},
		"compressed parts": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			says("bytes 0-99999/1048576", "", 100_000)(1, w, r)
		}, ranges: part, text: `encoded ("br")`, asked: "0s bytes=0-99999", fetched: 0},

		"redirects for ever":      {serve: moved("/r/data/file"), err: errRedirect, text: "it is the 6th", asked: "0s\n0s\n0s\n0s\n0s\n0s"},
		"a redirect to a file":    {serve: moved("file:///etc/passwd"), err: errRedirect, text: `it goes to a URL of "file"`, asked: "0s"},
		"a redirect out of HTTPS": {serve: moved("http://127.0.0.1/r/data/file"), err: errRedirect, text: "it goes from HTTPS to http://127.0.0.1", asked: "0s", secure: true},
		"five redirects": {serve: func(n int, w http.ResponseWriter, r *http.Request) {
			if n <= 5 {
				moved("/r/data/file")(n, w, r)
				return
			}
			well(w, r)
		}, ranges: part, secure: true, fetched: 100_000, asked: strings.Repeat("0s bytes=0-99999\n", 5) + "0s bytes=0-99999"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fetched int64
				s, log := serve(t, c.secure, Options{Fetched: func(n int64) { fetched += n }}, c.serve)
				got, err := read(t.Context(), s, c.ranges)
				if c.err == nil && c.text == "" {
					if err != nil {
						t.Error(err)
					}
					if !bytes.Equal(got, parted(c.ranges)) {
						t.Errorf("%d other bytes came", len(got))
					}
				} else if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "data/file of http") {
					t.Errorf("error %v, not one with %q", err, c.text)
				}
				temporary, is := errors.AsType[*TemporaryError](err)
				if want, later := c.err.(*TemporaryError); later != is || is && temporary.After != want.After {
					t.Errorf("error %#v, is it one that may be over later?", err)
				} else if !later && c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("error %v, not %v", err, c.err)
				}
				if text := strings.ReplaceAll(log.String(), " /r/data/file", ""); text != c.asked && c.fetched >= 0 && (c.asked != "" || err == nil) {
					t.Errorf("it was asked\n%s\nnot\n%s", text, c.asked)
				}
				if c.fetched >= 0 && fetched != c.fetched {
					t.Errorf("%d bytes were transferred, not %d", fetched, c.fetched)
				}
				if d := time.Since(log.begun); d > patience+2*(window+stallAfter) { // an attempt before, and one after it
					t.Errorf("it took %v", d)
				}
			})
		})
	}
}

// What an each says ends it and is not judged, even if it looks like a server's failure.
func TestOfEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := serve(t, false, Options{}, func(_ int, w http.ResponseWriter, r *http.Request) { well(w, r) })
		mine := &TemporaryError{Cause: io.ErrShortWrite}
		var got []int
		err := s.ReadRanges(t.Context(), "data/file", []Range{{0, 10}, {10, 10}, {20, 10}}, func(i int, _ []byte) error {
			if got = append(got, i); i == 1 {
				return mine
			}
			return nil
		})
		if err != mine || fmt.Sprint(got) != "[0 1]" || log.count() != 1 {
			t.Errorf("%v after %v\n%s", err, got, log)
		}
	})
}

// The time that each takes is not the server's, and no patience is lost by it.
func TestSlowEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := serve(t, false, Options{}, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w = &after{w, 15_000, reset}
			}
			well(w, r)
		})
		err := s.ReadRanges(t.Context(), "data/file", []Range{{0, 10_000}, {10_000, 100_000}}, func(int, []byte) error {
			time.Sleep(time.Hour)
			return nil
		})
		if err != nil || log.count() != 2 || time.Since(log.begun) != 2*time.Hour+500*time.Millisecond {
			t.Errorf("%v after %v\n%s", err, time.Since(log.begun), log)
		}
	})
}

// Bandwidth is limited over all that a source transfers; a limit below what is called slow
// does not make the server slow.
func TestBandwidth(t *testing.T) {
	for _, rate := range []int64{100, 10_000, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			s, log := serve(t, false, Options{BytesPerSecond: rate}, func(_ int, w http.ResponseWriter, r *http.Request) { well(w, r) })
			ranges := []Range{{0, rate / 2}, {800_000, rate / 8}}
			for range 4 {
				got, err := read(t.Context(), s, ranges)
				if err != nil || !bytes.Equal(got, parted(ranges)) {
					t.Fatalf("%v, %d bytes", err, len(got))
				}
			}
			bytes := 4 * int64(len(parted(ranges)))
			want := time.Duration(bytes) * time.Second / time.Duration(rate)
			// The first burst is free and the last piece not waited for.
			if d := time.Since(log.begun); d > want || d < want-2*burst {
				t.Errorf("%d bytes at %d a second took %v, not %v", bytes, rate, d, want)
			}
			if want := 4 * len(ranges); log.count() != want {
				t.Errorf("%d requests, not %d:\n%s", log.count(), want, log)
			}
		})
	}
}

// Who asks may stop at any time: while headers, bytes, the pace or another try is waited for.
func TestStopped(t *testing.T) {
	for name, h := range map[string]func(w http.ResponseWriter, r *http.Request){
		"headers":     func(w http.ResponseWriter, r *http.Request) { stall(r)() },
		"bytes":       func(w http.ResponseWriter, r *http.Request) { well(&after{w, 5000, stall(r)}, r) },
		"pace":        well,
		"another try": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	} {
		synctest.Test(t, func(t *testing.T) {
			s, log := serve(t, false, Options{BytesPerSecond: 10_000}, func(_ int, w http.ResponseWriter, r *http.Request) { h(w, r) })
			mine := errors.New("enough")
			ctx, stop := context.WithTimeoutCause(t.Context(), 2*time.Second, mine)
			defer stop()
			_, err := read(ctx, s, []Range{{0, 100_000}})
			if _, temporary := errors.AsType[*TemporaryError](err); !errors.Is(err, mine) || temporary || time.Since(log.begun) != 2*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(log.begun))
			}
			if _, err := s.Get(ctx, "data/file", 1); !errors.Is(err, mine) || log.count() > 3 {
				t.Errorf("%s: %v, then\n%s", name, err, log)
			}
		})
	}
}

// A network that is not there yet is waited for, and one that never comes is not.
func TestNoNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, up := 0, 3
		line := newWire()
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("network is unreachable")}
		o := Options{random: func() float64 { return 0.5 }, dial: func(ctx context.Context, n, a string) (net.Conn, error) {
			if calls++; calls <= up {
				return nil, refused
			}
			return line.dial(ctx, n, a)
		}}
		s, err := Open("http://127.0.0.1/r", o)
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(well)}
		go srv.Serve(line)
		defer func() { s.Close(); srv.Close() }()
		begun := time.Now()
		if got, err := read(t.Context(), s, nil); err != nil || !bytes.Equal(got, file) || time.Since(begun) != 3500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		s.Close()
		up = 99
		if _, err := read(t.Context(), s, nil); !errors.Is(err, refused) || !strings.Contains(err.Error(), "try again later") {
			t.Error(err)
		}
	})
}

// A server is not asked for what no repository has, nor for ranges that make no sense.
func TestServerTricks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := serve(t, false, Options{}, func(_ int, w http.ResponseWriter, r *http.Request) { well(w, r) })
		for what, name := range tricks {
			if _, err := s.Get(t.Context(), name, 1<<20); err == nil {
				t.Errorf("get of %s (%q)", what, name)
			}
			if err := s.ReadRanges(t.Context(), name, []Range{{0, 1}}, func(int, []byte) error { return nil }); err == nil {
				t.Errorf("ranges of %s (%q)", what, name)
			}
		}
		if _, err := read(t.Context(), s, []Range{{0, 1}, {0, 1}}); err == nil || log.count() > 0 {
			t.Errorf("%v, and it was asked\n%s", err, log)
		}
	})
}
