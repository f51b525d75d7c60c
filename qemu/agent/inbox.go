package agent

import (
	"errors"
	"io"
	"sync"
)

// errAbandoned is what Read returns after abandon.
var errAbandoned = errors.New("nobody wants the input any more")

// inbox holds the input of one command between the port's reader, which must
// not wait, and the command, which may be slow. It never holds more than
// window bytes, because the host sends no more before some were taken.
type inbox struct {
	took func(n int) // tells the host

	mu        sync.Mutex
	change    sync.Cond
	bytes     []byte
	ended     bool // the host sent everything
	abandoned bool // the command takes no more
}

func newInbox(took func(int)) *inbox {
	b := &inbox{took: took}
	b.change.L = &b.mu
	return b
}

// push adds bytes. It reports false if the host sent more than it may.
func (b *inbox) push(p []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.abandoned {
		return true
	}
	if len(b.bytes)+len(p) > window {
		return false
	}
	b.bytes = append(b.bytes, p...)
	b.change.Broadcast()
	return true
}

// end says that nothing will be pushed any more.
func (b *inbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.change.Broadcast()
}

// abandon makes Read fail and drops what is there.
func (b *inbox) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned, b.bytes = true, nil
	b.change.Broadcast()
}

// Read waits for bytes and takes them.
func (b *inbox) Read(p []byte) (int, error) {
	b.mu.Lock()
	for len(b.bytes) == 0 && !b.ended && !b.abandoned {
		b.change.Wait()
	}
	switch {
	case b.abandoned:
		b.mu.Unlock()
		return 0, errAbandoned
	case len(b.bytes) == 0:
		b.mu.Unlock()
		return 0, io.EOF
	}
	n := copy(p, b.bytes)
	b.bytes = b.bytes[n:]
	b.mu.Unlock()
	b.took(n)
	return n, nil
}
