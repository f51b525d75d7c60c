package graph

import "math"

// Class is what kind of evidence a belief rests on: the strongest that there was.
type Class int

// The classes, the weakest first.
const (
	Timing   Class = iota + 1 // the one was ready just before the other, and nothing else is known
	Product                   // it uses a file, FIFO, device or mount that the other one has made in this boot
	Endpoint                  // it talks to a socket or a name that the other one has
	Missed                    // it failed to find such a thing before the other one had made it
)

// prior is what a belief starts from, as a Beta distribution of the share of boots in
// which the use is made. An Endpoint or a Missed is believed after one boot, a Product
// after two, and Timing never.
var prior = [...]struct{ a, b float64 }{Timing: {1, 3}, Product: {3, 1}, Endpoint: {4, 1}, Missed: {4, 1}}

const (
	// decay is what a boot's evidence is worth one boot later.
	decay = 0.8
	// promoted is how sure one has to be that a use is made in more than half of
	// the boots to act on it; kept is how sure to go on.
	promoted, kept = 0.95, 0.7
	// gone is after how many boots in a row without it a use is no longer acted on,
	// however often it was made before.
	gone = 3
	// changed is what all evidence, the prior too, is worth once a unit's binary or
	// configuration has changed.
	changed = 0.5
)

// Belief is how sure one is of a use. The zero value knows nothing.
type Belief struct {
	Class   Class   `json:"class"`
	For     float64 `json:"for"`            // boots in which the use was made, older ones counting less
	Against float64 `json:"against"`        // … in which it could have been, and was not
	Weight  float64 `json:"weight"`         // of the prior, more than 0 to 1
	Idle    int     `json:"idle,omitempty"` // boots in a row in which it was not
	Held    bool    `json:"held,omitempty"` // it is acted on
}

// Seen gives the belief after a boot in which the use was made.
func (b Belief) Seen(c Class) Belief {
	if b.Class == 0 {
		b.Weight = 1
	}
	b.Class = max(b.Class, c)
	b.For, b.Against, b.Idle = decay*b.For+1, decay*b.Against, 0
	return b.judged()
}

// Unseen gives the belief after a boot in which the use could have been made and was
// not.
func (b Belief) Unseen() Belief {
	if b.Class == 0 {
		return b
	}
	b.For, b.Against, b.Idle = decay*b.For, decay*b.Against+1, b.Idle+1
	return b.judged()
}

// Changed gives the belief once one of the two units is another one.
func (b Belief) Changed() Belief {
	b.For, b.Against, b.Weight = changed*b.For, changed*b.Against, changed*b.Weight
	return b.judged()
}

func (b Belief) judged() Belief {
	limit := promoted
	if b.Held {
		limit = kept
	}
	b.Held = b.P() > limit && b.Idle < gone
	return b
}

// P is the probability that the use is made in more than half of the boots, 0 to 1; 0
// of a belief that knows nothing.
func (b Belief) P() float64 {
	if b.Class == 0 {
		return 0
	}
	from := prior[b.Class]
	return 1 - betaHalf(b.Weight*from.a+b.For, b.Weight*from.b+b.Against)
}

// betaHalf is the regularized incomplete beta function I_x(a, b) at x = ½, for a and b
// above 0, by the continued fraction 8.17.22 of the NIST Digital Library of
// Mathematical Functions, evaluated as Lentz does.
func betaHalf(a, b float64) float64 {
	if a < b { // the fraction converges fast for x below (a+1)/(a+b+2)
		return 1 - betaHalf(b, a)
	}
	const x, tiny, enough = .5, 1e-300, 1e-12
	lga, _ := math.Lgamma(a)
	lgb, _ := math.Lgamma(b)
	lgab, _ := math.Lgamma(a + b)
	front := math.Exp(lgab-lga-lgb+a*math.Log(x)+b*math.Log(1-x)) / a
	f, c, d := 1.0, 1.0, 0.0
	for i := range 400 {
		m := float64(i / 2)
		var term float64
		switch {
		case i == 0:
			term = 1
		case i%2 == 0:
			term = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			term = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		if d = 1 + term*d; math.Abs(d) < tiny {
			d = tiny
		}
		if c = 1 + term/c; math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		f *= c * d
		if math.Abs(1-c*d) < enough {
			break
		}
	}
	return front * (f - 1)
}
