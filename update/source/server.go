package source

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"

	"clarityos/update/trust"
)

// server is a repository on an HTTP server. It is asked for one thing after another by each
// call, by HTTP/1.1, so that what is transferred can be bounded.
type server struct {
	base    *url.URL
	client  *http.Client
	pace    *pace
	options Options
}

func openServer(where string, o Options) (Source, error) {
	base, err := url.Parse(where)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("open repository %s: it has to be a URL with a host, a path, and nothing after it", base.Redacted())
	}
	if o.BytesPerSecond < 0 {
		return nil, fmt.Errorf("open repository %s: a limit of %d bytes a second", base.Redacted(), o.BytesPerSecond)
	}
	client, err := newClient(o)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", base.Redacted(), err)
	}
	return &server{base, client, &pace{perSecond: o.BytesPerSecond}, o}, nil
}

func (s *server) String() string { return s.base.Redacted() }

func (s *server) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// Get begins anew where a request has failed: what is fetched whole is small.
func (s *server) Get(ctx context.Context, name string, most int64) (all []byte, err error) {
	if err = CheckName(name); err == nil {
		watch := &speed{}
		err = s.again(ctx, func() (_ int64, err error) {
			all, err = s.whole(ctx, name, most, watch)
			return 0, err
		})
	}
	return all, told(err, "get", name, s)
}

// whole gets a file of at most so many bytes by one request.
func (s *server) whole(ctx context.Context, name string, most int64, watch *speed) (all []byte, err error) {
	err = s.ask(ctx, name, nil, watch, func(a *http.Response, body io.Reader) error {
		if err := checkWhole(a, most); err != nil {
			return err
		}
		got, err := io.ReadAll(io.LimitReader(body, min(most, math.MaxInt64-1)+1))
		if err != nil {
			return &TemporaryError{Cause: err}
		}
		if int64(len(got)) > most {
			return fmt.Errorf("it goes on after %d bytes: %w", most, trust.ErrTooLarge)
		}
		all = got
		return nil
	})
	return all, err
}

// ReadRanges makes one request for ranges that are near each other, and goes on at the byte
// at which one has failed.
func (s *server) ReadRanges(ctx context.Context, name string, ranges []Range, each func(int, []byte) error) error {
	err := CheckName(name)
	if err == nil {
		err = CheckRanges(ranges)
	}
	if err == nil {
		p, watch, of := newParts(ranges, each), &speed{}, &version{}
		err = s.again(ctx, func() (got int64, err error) {
			for want := p.want(); want.Length > 0 && err == nil; want = p.want() {
				var n int64
				n, err = s.some(ctx, name, p, want, of, watch)
				got += n
			}
			return got, err
		})
	}
	return told(err, "get ranges of", name, s)
}

// some gets what parts want by one request, and tells how many bytes of it have come.
func (s *server) some(ctx context.Context, name string, p *parts, want Range, of *version, watch *speed) (got int64, err error) {
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", want.At, want.end()-1)}}
	if of.strong() {
		header.Set("If-Range", of.etag)
	}
	err = s.ask(ctx, name, header, watch, func(a *http.Response, body io.Reader) error {
		err := checkPart(a, want, of)
		if err != nil {
			return err
		}
		got, err = p.read(body, want)
		if _, own := err.(eachError); err == nil || own {
			return err
		}
		return &TemporaryError{Cause: fmt.Errorf("at byte %d: %w", want.At+got, err)}
	})
	return got, err
}

// ask makes one request, and gives its answer and what comes of the body to take. Where ctx is
// over, its cause is the error.
func (s *server) ask(ctx context.Context, name string, header http.Header, watch *speed, take func(*http.Response, io.Reader) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	request, err := http.NewRequestWithContext(within, http.MethodGet, s.base.JoinPath(name).String(), nil)
	if err != nil {
		return err
	}
	for key, values := range header {
		request.Header[key] = values
	}
	request.Header.Set("User-Agent", "ClarityOS")
	request.Header.Set("Accept-Encoding", "identity") // net/http decompresses nothing then, and ranges are the file's
	f := &flow{ctx: within, stop: stop, pace: s.pace, watch: watch, fetched: s.options.fetched}
	answer, err := f.begin(s.client, request)
	if err == nil {
		defer answer.Body.Close()
		f.body = answer.Body
		err = take(answer, f)
	}
	if over := context.Cause(ctx); over != nil && err != nil {
		if _, own := err.(eachError); !own {
			return over
		}
	}
	return err
}
