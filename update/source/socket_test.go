package source

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Over real sockets, and by a proxy for both: parts come as one asks for them, each request
// by the proxy, and all on one connection.
func TestSockets(t *testing.T) {
	for what, secure := range map[string]bool{"HTTP": false, "HTTPS": true} {
		t.Run(what, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.UserAgent() != "ClarityOS" || r.ProtoMajor != 1 || r.Method != http.MethodGet {
					t.Errorf("%s with HTTP/%d by %q", r.Method, r.ProtoMajor, r.UserAgent())
				}
				well(w, r)
			}))
			var conns, proxied atomic.Int32
			srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of the client that does not trust it
			srv.Config.ConnState = func(_ net.Conn, to http.ConnState) {
				if to == http.StateNew {
					conns.Add(1)
				}
			}
			o := Options{}
			if secure {
				srv.EnableHTTP2 = true
				srv.StartTLS()
				o.Roots = roots(t, srv)
			} else {
				srv.Start()
			}
			defer srv.Close()
			proxy := httptest.NewServer(forward(t, srv.Listener.Addr().String(), &proxied))
			defer proxy.Close()
			o.Proxy = proxy.URL
			s := open(t, srv.URL+"/r/", o)
			var ranges []Range
			for at := int64(0); at < 1<<20; at += 50_000 {
				ranges = append(ranges, Range{at, 20_000})
			}
			got, err := read(t.Context(), s, ranges)
			if err != nil || !bytes.Equal(got, parted(ranges)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if got, err := read(t.Context(), s, nil); err != nil || !bytes.Equal(got, file) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			// HTTP has the proxy forward each request, HTTPS once a connection.
			if want := map[bool]int32{false: int32(len(ranges)) + 1, true: 1}[secure]; proxied.Load() != want || conns.Load() != 1 {
				t.Errorf("%d requests of the proxy, not %d, and %d connections", proxied.Load(), want, conns.Load())
			}
			if secure {
				stranger := open(t, srv.URL, Options{Proxy: proxy.URL})
				if _, err := stranger.Get(t.Context(), "data/file", 1<<20); err == nil || !strings.Contains(err.Error(), "check the machine's clock, and that the root") {
					t.Errorf("a server that nobody vouches for: %v", err)
				}
			}
		})
	}
}

// forward is a proxy to one server.
func forward(t *testing.T, to string, requests *atomic.Int32) http.Handler {
	direct := &http.Transport{}
	t.Cleanup(direct.CloseIdleConnections)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Host != to {
			t.Errorf("the proxy is to connect to %s", r.Host)
		}
		if r.Method != http.MethodConnect {
			r.RequestURI = ""
			a, err := direct.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer a.Body.Close()
			for k, v := range a.Header {
				w.Header()[k] = v
			}
			w.WriteHeader(a.StatusCode)
			io.Copy(w, a.Body)
			return
		}
		there, err := net.Dial("tcp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer there.Close()
		w.WriteHeader(http.StatusOK)
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer here.Close()
		go func() { io.Copy(there, buffered); there.(*net.TCPConn).CloseWrite() }()
		io.Copy(here, there)
	})
}

// A connection that is reset, as TCP does it, is gone on with.
func TestReset(t *testing.T) {
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			first := http.NewResponseController(w)
			w = &after{w, 5000, func() {
				conn, _, err := first.Hijack()
				if err != nil {
					t.Error(err)
					reset()
				}
				if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
					t.Error(err)
				}
				conn.Close()
				reset()
			}}
		}
		well(w, r)
	}))
	defer srv.Close()
	s := open(t, srv.URL, Options{random: func() float64 { return 0 }})
	ranges := []Range{{0, 100_000}}
	if got, err := read(t.Context(), s, ranges); err != nil || !bytes.Equal(got, parted(ranges)) || n.Load() != 2 {
		t.Errorf("%d bytes after %d requests, %v", len(got), n.Load(), err)
	}
}
