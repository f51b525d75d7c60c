package observe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"clarityos/learn/status"
)

// ErrClosed is returned by Next once Close was called.
var ErrClosed = os.ErrClosed

// Figures are totals of a cgroup since its first process: struct figures in
// bpf/tables.h.
type Figures = observeFigures

// Reader takes what the programs tell. One goroutine may call Next.
type Reader struct {
	ring   *ringbuf.Reader
	maps   map[string]*ebpf.Map
	record ringbuf.Record
	at     string // where links are pinned
}

// Open opens what Load has pinned below dir.
func Open(dir string) (*Reader, error) {
	at := filepath.Join(dir, generation())
	r := &Reader{maps: map[string]*ebpf.Map{}, at: at}
	for _, name := range append([]string{observeMapRing, observeMapCounters, observeMapTotals}, tables...) {
		m, err := ebpf.LoadPinnedMap(filepath.Join(at, name), nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("observer's map %s: %w", name, err), r.close())
		}
		r.maps[name] = m
	}
	var err error
	if r.ring, err = ringbuf.NewReader(r.maps[observeMapRing]); err != nil {
		return nil, errors.Join(fmt.Errorf("observer's ring: %w", err), r.close())
	}
	return r, nil
}

// tables are the maps that can be full, in which case they forget what was used
// least lately.
var tables = []string{observeMapSights, observeMapMade, observeMapMounted, observeMapMissing}

// Next waits for the next sight until then, if that is not zero; the error is
// os.ErrDeadlineExceeded where none came.
func (r *Reader) Next(until time.Time) (Sight, error) {
	r.ring.SetDeadline(until)
	if err := r.ring.ReadInto(&r.record); err != nil {
		if errors.Is(err, ringbuf.ErrClosed) {
			return Sight{}, ErrClosed
		}
		return Sight{}, fmt.Errorf("observer's ring: %w", err)
	}
	return decode(r.record.RawSample)
}

// Close ends Next. The programs go on.
func (r *Reader) Close() error { return errors.Join(r.ring.Close(), r.close()) }

func (r *Reader) close() (err error) {
	for _, m := range r.maps {
		err = errors.Join(err, m.Close())
	}
	return err
}

// Counts reads what the programs have counted, and how often the kernel has not run
// them.
func (r *Reader) Counts() (c status.Counts, err error) {
	for i, n := range []*uint64{&c.Events, &c.Firsts, &c.Lost} {
		if *n, err = r.counter(uint32(i)); err != nil {
			return c, err
		}
	}
	c.Skipped, err = skipped(r.at)
	return c, err
}

// Drained says whether all that the ring holds was read.
func (r *Reader) Drained() bool { return r.ring.AvailableBytes() == 0 }

// Lost is how many sights the ring had no room for since the programs were loaded.
func (r *Reader) Lost() (uint64, error) { return r.counter(counterLost) }

const counterLost = 2 // LOST in bpf/tables.h

func (r *Reader) counter(which uint32) (n uint64, err error) {
	var each []uint64
	if err := r.maps[observeMapCounters].Lookup(which, &each); err != nil {
		return 0, fmt.Errorf("observer's counters: %w", err)
	}
	for _, v := range each {
		n += v
	}
	return n, nil
}

// Fill says how full the tables are, by entries, and the ring, by bytes.
func (r *Reader) Fill() (all []status.Fill, err error) {
	all = append(all, status.Fill{Table: observeMapRing, Entries: r.ring.AvailableBytes(), Room: r.ring.BufferSize()})
	for _, name := range append([]string{observeMapTotals}, tables...) {
		m := r.maps[name]
		f := status.Fill{Table: name, Room: int(m.MaxEntries())}
		var key any // of the bytes of one: nil begins
		for ; f.Entries < f.Room; f.Entries++ {
			next, err := m.NextKeyBytes(key)
			if err != nil {
				return nil, fmt.Errorf("observer's map %s: %w", name, err)
			}
			if next == nil {
				break
			}
			key = next
		}
		all = append(all, f)
	}
	return all, nil
}

// Figures gives the totals of a cgroup; none of one that has done nothing yet.
func (r *Reader) Figures(cgroup uint64) (f Figures, err error) {
	if err = r.maps[observeMapTotals].Lookup(cgroup, &f); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return f, fmt.Errorf("observer's figures: %w", err)
	}
	return f, nil
}
