package source

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// stallAfter is how long no byte may come, and how long the headers of an answer may take.
	stallAfter = 30 * time.Second
	// In each window of waiting for bytes at least slowest have to come in a second: a
	// server that gives a byte now and then would hold an update up for ever (TUF's
	// "slow retrieval" attack).
	window  = time.Minute
	slowest = 1000
	// piece bounds what is read at once, in bytes, and so what comes ahead of the pace.
	piece = 32 << 10
	// burst is how much of its time a transfer that was slower may make good.
	burst = time.Second / 4
)

// flow is what comes of one answer. Only the time in which bytes are waited for counts as slow:
// neither the wait for the pace nor what is done with the bytes is the server's fault.
type flow struct {
	body    io.Reader
	ctx     context.Context         // the request's
	stop    context.CancelCauseFunc // ends it
	pace    *pace
	watch   *speed
	fetched func(n int)
}

// begin makes a request and waits for the answer's headers.
func (f *flow) begin(client *http.Client, r *http.Request) (*http.Response, error) {
	defer f.guard("no answer came for %v")()
	answer, err := client.Do(r)
	if err == nil {
		return answer, nil
	}
	if cause := context.Cause(f.ctx); cause != nil {
		err = cause
	}
	return nil, failed(err)
}

// Read is io.Reader's. Its error says so when it was a stall or slowness.
func (f *flow) Read(p []byte) (int, error) {
	if f.watch.slow() {
		return 0, fmt.Errorf("less than %d bytes a second came for %v", slowest, window)
	}
	if d := f.pace.wait(time.Now()); d > 0 {
		if err := sleep(f.ctx, d); err != nil {
			return 0, err
		}
	}
	begun, done := time.Now(), f.guard("no byte came for %v")
	n, err := f.body.Read(p[:min(len(p), f.pace.most())])
	done()
	now := time.Now()
	f.pace.took(now, n)
	f.fetched(n)
	f.watch.add(n, now.Sub(begun))
	if cause := context.Cause(f.ctx); cause != nil && err != nil && err != io.EOF {
		err = cause
	}
	return n, err
}

// guard ends the request when what begins now lasts longer than stallAfter; it is over when
// what it gives is called.
func (f *flow) guard(what string) (over func()) {
	timer := time.AfterFunc(stallAfter, func() { f.stop(fmt.Errorf(what, stallAfter)) })
	return func() { timer.Stop() }
}

// speed is that of what has come in the current window, of one call's answers.
type speed struct {
	bytes int64
	over  time.Duration
}

func (s *speed) add(n int, took time.Duration) { s.bytes, s.over = s.bytes+int64(n), s.over+took }

// slow says whether a window is over in which too little came. Another one begins when one
// is over.
func (s *speed) slow() bool {
	if s.over < window {
		return false
	}
	was := *s
	*s = speed{}
	return was.bytes < int64(slowest*was.over.Seconds())
}

// pace is a token bucket, kept as the time at which it is paid for what was taken (the generic
// cell rate algorithm of ITU-T I.371): bytes are read, and then waited for.
type pace struct {
	perSecond int64 // 0: as fast as it goes

	mu   sync.Mutex
	paid time.Time
}

// most gives how many bytes may be read at once.
func (p *pace) most() int {
	if p.perSecond > 0 {
		return int(max(1, min(piece, int64(burst.Seconds()*float64(p.perSecond)))))
	}
	return piece
}

// wait gives how long to wait before more is read; not more than 0: not at all.
func (p *pace) wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paid.Sub(now)
}

// took pays for bytes.
func (p *pace) took(now time.Time, n int) {
	if p.perSecond == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if least := now.Add(-burst); p.paid.Before(least) {
		p.paid = least
	}
	p.paid = p.paid.Add(time.Duration(n) * time.Second / time.Duration(p.perSecond))
}
