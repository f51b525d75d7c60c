package profiles

import (
	"strings"
	"unicode/utf8"
)

// Bounds on a book. Of 512 units with all measures each histogram has room for five
// buckets, which is what a service's usually have.
const (
	maxUnits   = 512
	maxBuckets = 1 << 17 // of all together, 8 bytes each
	maxName    = 255     // of units: NAME_MAX of their files
)

// open gives a unit's profile, and makes room for it when it is new; nil when there
// is none.
func (b *Book) open(unit string) *Profile {
	p := b.profiles[unit]
	if p == nil {
		if !nameOK(unit) {
			return nil
		}
		if len(b.profiles) >= maxUnits && !b.evict() {
			return nil
		}
		p = &Profile{Unit: unit}
		b.profiles[unit] = p
	}
	b.used++
	p.used = b.used
	return p
}

func nameOK(unit string) bool {
	return unit != "" && len(unit) <= maxName && utf8.ValidString(unit) && !strings.ContainsFunc(unit, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (b *Book) buckets() (n int) {
	for _, p := range b.profiles {
		for i := range p.series {
			n += len(p.series[i].Values.buckets)
		}
	}
	return n
}

// evict forgets the unit that is down and was not used for longest, and says whether
// there was one.
func (b *Book) evict() bool {
	var oldest *Profile
	for _, p := range b.profiles {
		if b.lives[p.Unit] == nil && (oldest == nil || p.used < oldest.used) {
			oldest = p
		}
	}
	if oldest == nil {
		return false
	}
	delete(b.profiles, oldest.Unit)
	return true
}

// trim makes the histograms fit: units that were not used for long go first, then
// resolution.
func (b *Book) trim() {
	for most := MaxBuckets; b.buckets() > maxBuckets; {
		if b.evict() {
			continue
		}
		most = most * 3 / 4
		for _, p := range b.profiles {
			for i := range p.series {
				for h := &p.series[i].Values; len(h.buckets) > most; {
					h.fold()
				}
			}
		}
	}
}
