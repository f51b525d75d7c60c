package observe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"clarityos/learn/status"
)

// ErrClosed is returned by Next once Close was called.
var ErrClosed = os.ErrClosed

// Reader takes what the programs tell. One goroutine may call Next.
type Reader struct {
	ring     *ringbuf.Reader
	counters *ebpf.Map
	sights   *ebpf.Map
	record   ringbuf.Record
}

// Open opens what Load has pinned below dir.
func Open(dir string) (*Reader, error) {
	at := filepath.Join(dir, generation())
	load := func(name string) (*ebpf.Map, error) {
		m, err := ebpf.LoadPinnedMap(filepath.Join(at, name), nil)
		if err != nil {
			return nil, fmt.Errorf("observer's map %s: %w", name, err)
		}
		return m, nil
	}
	ring, err := load(observeMapRing)
	if err != nil {
		return nil, err
	}
	defer ring.Close()
	r := &Reader{}
	if r.counters, err = load(observeMapCounters); err != nil {
		return nil, err
	}
	if r.sights, err = load(observeMapSights); err != nil {
		r.counters.Close()
		return nil, err
	}
	if r.ring, err = ringbuf.NewReader(ring); err != nil {
		r.counters.Close()
		r.sights.Close()
		return nil, fmt.Errorf("observer's ring: %w", err)
	}
	return r, nil
}

// Next waits for the next sight.
func (r *Reader) Next() (Sight, error) {
	if err := r.ring.ReadInto(&r.record); err != nil {
		if errors.Is(err, ringbuf.ErrClosed) {
			return Sight{}, ErrClosed
		}
		return Sight{}, fmt.Errorf("observer's ring: %w", err)
	}
	return decode(r.record.RawSample)
}

// Close ends Next. The programs go on.
func (r *Reader) Close() error {
	return errors.Join(r.ring.Close(), r.counters.Close(), r.sights.Close())
}

// Counts reads what the programs have counted.
func (r *Reader) Counts() (c status.Counts, err error) {
	for i, n := range []*uint64{&c.Events, &c.Firsts, &c.Lost} {
		var each []uint64
		if err := r.counters.Lookup(uint32(i), &each); err != nil {
			return c, fmt.Errorf("observer's counters: %w", err)
		}
		for _, v := range each {
			*n += v
		}
	}
	return c, nil
}
