package predict

const (
	// beyond is how far above a level that was given back before it is something new.
	beyond = 1.1
	// swingLeast is the least rise and fall that counts as given back, of the limit, and
	// swingNoise, in steps.
	swingLeast, swingNoise = .04, 8
	// kept is how many values in a row are a level that is kept.
	kept = 32
)

// swings is what a resolution has given back without a restart. It stays over
// restarts: how far the unit goes is its own, not the run's.
type swings struct {
	last, noise  float32 // of a step from value to value, the mean
	trough, peak float32 // since the last fall
	returned     float32 // the highest peak that was given back, or level that was kept
	rest         float32 // the level that it keeps
	begun        bool
	falling      int8 // values in a row that are low
	resting      int8 // … near rest
}

// add takes a value. What has risen is given back when two values in a row are less
// than half as high, and noise does not do that. A level is kept when many values in a
// row are near it: a growth that goes on does not look so in the resolution that sees it.
func (s *swings) add(v, limit float32) {
	if !s.begun {
		*s = swings{begun: true, last: v, trough: v, peak: v, returned: s.returned}
	}
	s.noise += (max(v-s.last, s.last-v) - s.noise) / 16
	s.last, s.trough, s.peak = v, min(s.trough, v), max(s.peak, v)
	least := max(swingLeast*limit, swingNoise*s.noise)
	if s.resting++; max(v-s.rest, s.rest-v) > least/2 {
		s.rest, s.resting = v, 0
	}
	if s.resting >= kept {
		s.returned, s.resting = max(s.returned, v), 0
	}
	if s.peak-s.trough < least || v > (s.peak+s.trough)/2 {
		s.falling = 0
		return
	}
	if s.falling++; s.falling < 2 {
		return
	}
	s.returned = max(s.returned, s.peak)
	s.trough, s.peak, s.falling = v, v, 0
}
