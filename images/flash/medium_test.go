package flash

import (
	"errors"
	"math/rand/v2"

	"clarityos/update/gpt"
)

var errMedium = errors.New("injected")

// medium is a device in memory, with a cache that a power cut loses in any order.
type medium struct {
	stable []byte // what outlives a power cut
	cached []byte // what is read
	dirty  []span // what was written since the last sync
	ops    int
	fault  fault
}

type span struct{ at, n int64 }

// fault is what goes wrong at one operation, and at all after it.
type fault struct {
	at   int // the operation, from 1; 0: none
	kind faultKind
	cut  float64 // how much of a torn one is done
}

type faultKind int

const (
	refused   faultKind = iota // it fails, and nothing is done
	torn                       // it fails, and a part is done
	late                       // it fails, and all is done
	dead                       // it and all after it fail, and a part is done
	forgotten                  // it is done by half and succeeds
	elsewhere                  // it is done at another place and succeeds: the device is smaller than it says
	powerCut                   // as dead; what was not synced is lost in parts
)

func newMedium(b []byte) *medium {
	return &medium{stable: append([]byte{}, b...), cached: append([]byte{}, b...)}
}

// act does one operation on n bytes at a place: do does it, in parts.
func (m *medium) act(at, n int64, do func(at, n int64)) error {
	m.ops++
	f := m.fault
	part := int64(float64(n) * f.cut)
	switch {
	case f.at == 0 || m.ops < f.at, m.ops > f.at && f.kind != dead && f.kind != powerCut:
		do(at, n)
		return nil
	case m.ops > f.at:
		return errMedium
	}
	switch f.kind {
	case torn, dead, powerCut:
		do(at, part)
	case late:
		do(at, n)
	case forgotten:
		do(at, part)
		return nil
	case elsewhere:
		do(max(at-max(n, firstSize), 0), n)
		return nil
	}
	return errMedium
}

func (m *medium) WriteAt(b []byte, at int64) (int, error) {
	return len(b), m.act(at, int64(len(b)), func(at, n int64) {
		copy(m.cached[at:], b[:n])
		m.dirty = append(m.dirty, span{at, n})
	})
}

func (m *medium) Zero(at, n int64) error {
	return m.act(at, n, func(at, n int64) {
		clear(m.cached[at : at+n])
		m.dirty = append(m.dirty, span{at, n})
	})
}

func (m *medium) ReadAt(b []byte, at int64) (int, error) {
	return len(b), m.act(at, int64(len(b)), func(at, n int64) { copy(b[:n], m.cached[at:]) })
}

func (m *medium) Sync() error {
	return m.act(0, 1, func(_, n int64) {
		if n == 0 {
			return
		}
		for _, s := range m.dirty {
			copy(m.stable[s.at:], m.cached[s.at:s.at+s.n])
		}
		m.dirty = nil
	})
}

// loseCache is the power cut: of what was not synced each write is there, or is not, or is
// in parts.
func (m *medium) loseCache(r *rand.Rand) {
	for _, s := range m.dirty {
		some := r.IntN(3)
		for at := s.at; at < s.at+s.n; at += gpt.Sector {
			if some == 0 || some == 1 && r.IntN(2) == 0 {
				end := min(at+gpt.Sector, s.at+s.n)
				copy(m.stable[at:], m.cached[at:end])
			}
		}
	}
	m.dirty = nil
	m.cached = append([]byte{}, m.stable...)
}
