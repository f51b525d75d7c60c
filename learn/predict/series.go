package predict

import (
	"math"
	"time"
)

const (
	// finest is the span of a value in the finest resolution: how often units are
	// sampled.
	finest = 10 * time.Second
	// factor is from a resolution to the next. It is not more than points/least, so
	// that there is always one in which what has grown so far is least to points values.
	factor = 4
	// points is how many values a resolution has.
	points = 48
	// resolutions reach back 8 minutes to 23 days.
	resolutions = 7
)

// series is a value over one run of a unit: about 1.5 KB, however long that is.
type series struct {
	levels [resolutions]level
}

// level is a series in one resolution: the lowest value of each span, since what is
// above it was given back.
type level struct {
	ring   [points]float32 // NaN: no sample
	n      int             // that are in it
	head   int             // where the next one goes
	span   int64           // the one that is open; 0: none
	gap    int8            // so many spans without a sample are before it
	low    float32         // … its lowest value
	high   float32
	swing  float32 // how far values went up and down within a span, of late
	swings swings
	votes  int // in a row that it grows; below 0, that it does not
}

// add takes a value and gives the resolutions in which a span has ended, as bits.
func (s *series) add(at time.Duration, v, limit float64) (ended uint) {
	width := finest
	for i := range s.levels {
		if s.levels[i].add(int64(at/width)+1, float32(v), float32(limit)) {
			ended |= 1 << i
		}
		width *= factor
	}
	return ended
}

func (l *level) add(span int64, v, limit float32) (ended bool) {
	switch {
	case l.span == 0 || span < l.span: // time that runs back is another clock's
		*l = level{span: span, low: v, high: v, swings: swings{returned: l.swings.returned}}
		return false
	case span == l.span:
		l.low, l.high = min(l.low, v), max(l.high, v)
		return false
	}
	for range l.gap {
		l.push(float32(math.NaN()))
	}
	l.push(l.low)
	l.swings.add(l.low, limit)
	l.swing += (l.high - l.low - l.swing) / 4 // one jump is no swing
	l.gap = int8(min(span-l.span-1, points))  // goes in front of the next value, so that the last one is there
	l.span, l.low, l.high = span, v, v
	return true
}

func (l *level) push(v float32) {
	l.ring[l.head] = v
	l.head = (l.head + 1) % points
	l.n = min(l.n+1, points)
}

// values gives what is in a resolution, the oldest first.
func (l *level) values(room *[points]float64) []float64 {
	for i := range l.n {
		room[i] = float64(l.ring[(l.head-l.n+i+points)%points])
	}
	return room[:l.n]
}

// width is the span of a value in a resolution.
func width(i int) time.Duration {
	w := finest
	for range i {
		w *= factor
	}
	return w
}
