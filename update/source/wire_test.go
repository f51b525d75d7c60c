package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a network within a test's bubble, so that its clock is the bubble's.
type wire struct {
	calls chan net.Conn
	over  chan struct{}
	close func()
}

func newWire() *wire {
	w := &wire{calls: make(chan net.Conn), over: make(chan struct{})}
	w.close = sync.OnceFunc(func() { close(w.over) })
	return w
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.over:
		return nil, net.ErrClosed
	}
}
func (w *wire) Close() error   { w.close(); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.calls <- there:
		return here, nil
	case <-w.over:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// file is what servers have: every part of it is unlike every other.
var file = func() []byte {
	var b []byte
	for i := range 1 << 15 {
		h := sha256.Sum256(fmt.Append(nil, i))
		b = append(b, h[:]...)
	}
	return b
}()

// asked are the requests that a server had, with the time since its begin.
type asked struct {
	begun time.Time

	mu   sync.Mutex
	list []string
}

func (a *asked) add(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, strings.TrimSpace(fmt.Sprintf("%v %s %s", time.Since(a.begun), r.URL.Path, r.Header.Get("Range"))))
	return len(a.list)
}

func (a *asked) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.list)
}

func (a *asked) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.list, "\n")
}

// serve opens a server's repository in a bubble, whose n-th request, from 1, h answers.
func serve(t *testing.T, secure bool, o Options, h func(n int, w http.ResponseWriter, r *http.Request)) (Source, *asked) {
	t.Helper()
	log := &asked{begun: time.Now()}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h(log.add(r), w, r)
	}))
	srv.Listener.Close()
	line := newWire()
	srv.Listener = line
	if o.dial == nil {
		o.dial = line.dial
	}
	o.random = func() float64 { return 0.5 }
	if secure {
		srv.StartTLS()
		o.Roots = roots(t, srv)
	} else {
		srv.Start()
	}
	s, err := Open(srv.URL+"/r", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	return s, log
}

// roots writes a server's certificate into a file.
func roots(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(at, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// well answers as a server should.
func well(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"1"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}

// after answers well for some bytes of the body; then what follows happens.
type after struct {
	http.ResponseWriter
	left int
	then func()
}

func (a *after) Write(p []byte) (int, error) {
	if len(p) < a.left {
		a.left -= len(p)
		return a.ResponseWriter.Write(p)
	}
	n, err := a.ResponseWriter.Write(p[:a.left])
	if err != nil {
		return n, err
	}
	if err := http.NewResponseController(a.ResponseWriter).Flush(); err != nil {
		return n, err
	}
	a.then()
	a.left = 1 // then once more for each byte
	m, err := a.Write(p[n:])
	return n + m, err
}

func reset() { panic(http.ErrAbortHandler) }

func stall(r *http.Request) func() {
	return func() { <-r.Context().Done(); reset() }
}

// read gives what ranges give, as one; no ranges: the whole file.
func read(ctx context.Context, s Source, ranges []Range) ([]byte, error) {
	if ranges == nil {
		return s.Get(ctx, "data/file", int64(len(file)))
	}
	var got []byte
	return got, s.ReadRanges(ctx, "data/file", ranges, func(i int, part []byte) error {
		if int64(len(part)) != ranges[i].Length {
			return fmt.Errorf("part %d has %d bytes", i, len(part))
		}
		got = append(got, part...)
		return nil
	})
}

// parted gives the parts of the file that ranges are, as one; no ranges: the whole file.
func parted(ranges []Range) []byte {
	if ranges == nil {
		return file
	}
	var want []byte
	for _, r := range ranges {
		want = append(want, file[r.At:r.end()]...)
	}
	return want
}

// pause waits, or ends with the request.
func pause(r *http.Request, d time.Duration) func() {
	return func() {
		if sleep(r.Context(), d) != nil {
			reset()
		}
	}
}
