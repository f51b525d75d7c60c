// Package guard starts goroutines that cannot take PID 1 down with a panic.
//
// It is the only place in init/ where the go statement stands; make lint checks
// that. It imports nothing of ours.
package guard

import (
	"fmt"
	"runtime/debug"
	"time"
)

// Report is told about a panic: which goroutine, and what happened with its
// stack. It must not panic itself.
type Report func(name, trouble string)

// pause between the restarts of a goroutine that keeps panicking: it doubles
// from the first to the last.
const (
	firstPause = time.Millisecond
	lastPause  = time.Second
)

// Go runs f in a goroutine until it returns. When it panics, that is reported
// and f runs anew; state that it was changing is f's to discard.
func Go(name string, report Report, f func()) {
	go func() {
		for pause := firstPause; Try(name, report, f) != nil; pause = min(2*pause, lastPause) {
			time.Sleep(pause)
		}
	}()
}

// Try runs f and turns a panic into an error, which is reported too.
func Try(name string, report Report, f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: panic: %v", name, r)
			report(name, fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	f()
	return nil
}
