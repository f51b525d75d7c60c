package agent

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// call is one running command, as the host sees it.
type call struct {
	done   chan struct{} // closed after exit or broken is set
	exit   exit
	broken error

	more chan struct{} // something was taken

	mu       sync.Mutex
	out, err io.Writer
	failed   error // of a Write
	credit   int   // bytes taken by the guest, not yet used by the feeder
}

func newCall(stdout, stderr io.Writer) *call {
	return &call{done: make(chan struct{}), more: make(chan struct{}, 1), out: stdout, err: stderr}
}

// write passes output on, unless the call was retired or a Write failed.
func (k *call) write(from kind, p []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.out
	if from == kindStderr {
		w = k.err
	}
	if w != nil && k.failed == nil {
		_, k.failed = w.Write(p)
	}
}

func (k *call) retire() {
	k.mu.Lock()
	k.out, k.err = nil, nil
	k.mu.Unlock()
}

// took notes that the guest consumed n bytes of input.
func (k *call) took(n int) {
	k.mu.Lock()
	k.credit += n
	k.mu.Unlock()
	select {
	case k.more <- struct{}{}:
	default:
	}
}

// taken returns what the guest consumed since the last time.
func (k *call) taken() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.credit
	k.credit = 0
	return n
}

// capture keeps what is written to it, up to maxCapture bytes.
type capture struct{ buf bytes.Buffer }

func (c *capture) Write(p []byte) (int, error) {
	if c.buf.Len()+len(p) > maxCapture {
		return 0, fmt.Errorf("more than %d MiB of output; give the command a writer", maxCapture>>20)
	}
	return c.buf.Write(p)
}

// Bytes returns what was written.
func (c *capture) Bytes() []byte { return c.buf.Bytes() }
