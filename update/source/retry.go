package source

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// When a request is made again. Failures in a row are those after which less than progress
// came, so that each bounded number of bytes is transferred in bounded time or not at all.
const (
	maxFailures  = 8                // in a row
	patience     = 5 * time.Minute  // from the first of them to the begin of another request
	firstWait    = time.Second      // at most, before the second request; each further one's is twice as long
	longestWait  = 30 * time.Second // at most, before any
	longestAfter = 2 * time.Minute  // that a server may ask for
	// progress is in bytes, and more than window brings at the least that slowest allows.
	progress = 64 << 10
)

// wait gives how long to wait after so many failures in a row, or that it is over: spent is
// the time since the first of them, after what the server asked for, random in [0, 1).
// The wait is drawn from all that it may be, so that machines which failed together do not
// come again together ("full jitter" of Brooker, Exponential Backoff And Jitter, 2015).
func wait(failures int, spent, after time.Duration, random float64) (time.Duration, bool) {
	if failures >= maxFailures || after > longestAfter {
		return 0, false
	}
	most := min(longestWait, firstWait<<(failures-1))
	w := after + time.Duration(random*float64(most))
	return w, spent+w <= patience
}

// again makes a request until it does not fail in a way that may be over soon. Try tells how
// many bytes have come that need not come again.
func (s *server) again(ctx context.Context, try func() (got int64, err error)) error {
	random := s.options.random
	if random == nil {
		random = rand.Float64
	}
	failures, since := 0, time.Time{}
	for {
		got, err := try()
		if _, own := err.(eachError); own {
			return err
		}
		temporary, is := errors.AsType[*TemporaryError](err)
		if !is {
			return err
		}
		if failures == 0 || got >= progress {
			failures, since = 0, time.Now()
		}
		failures++
		w, more := wait(failures, time.Since(since), temporary.After, random())
		if !more {
			return fmt.Errorf("%w; given up after %d failures in %v; try again later", err, failures, time.Since(since).Round(time.Second))
		}
		if err := sleep(ctx, w); err != nil {
			return fmt.Errorf("%w, while waiting to try again after: %w", err, temporary.Cause)
		}
	}
}

// sleep waits, or gives the cause that ends ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
