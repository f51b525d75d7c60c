package predict

import (
	"fmt"
	"math"
	"time"
)

// How often a unit is restarted is Poisson's with a rate that has Gamma's distribution,
// whose parameters are restarts and the time in which these were (Gelman et al.,
// Bayesian Data Analysis, 2.6). Old evidence counts less, by two half-lives: loops that
// go round in minutes, and in hours.
var halfLives = [...]time.Duration{time.Hour, 6 * time.Hour}

const (
	// often is the rate of restarts that is a loop, in a half-life.
	often = .5
	// certain is the least probability that the rate is above it, ceased the one
	// below which it no longer is predicted.
	certain, ceased = .95, .6
	// pooledFor is the half-life of what all units together teach, and poolPrior the
	// time without a restart that they begin with.
	pooledFor = 30 * 24 * time.Hour
	poolPrior = 7 * 24 * time.Hour
)

// rate is a Gamma distribution of a rate.
type rate struct{ count, hours float64 }

// age lets evidence fade over a time in which the unit was, or was not, meant to run.
func (r *rate) age(by, half time.Duration, ran bool) {
	f := math.Exp2(-by.Hours() / half.Hours())
	r.count, r.hours = r.count*f, r.hours*f
	if ran {
		r.hours += (1 - f) * half.Hours() / math.Ln2
	}
}

// hazard is what is known of a unit's restarts.
type hazard struct {
	rates  [len(halfLives)]rate
	pooled rate // its part of the pool
	at     time.Duration
	first  time.Duration // of the loop
	count  int           // restarts in it
	now    bool          // it is predicted
}

func (h *hazard) age(at time.Duration, ran bool) {
	if at <= h.at {
		return
	}
	by := at - h.at
	h.at = at
	for i := range h.rates {
		h.rates[i].age(by, halfLives[i], ran)
	}
	h.pooled.age(by, pooledFor, ran)
}

func (h *hazard) restarted(at time.Duration) {
	if h.count == 0 {
		h.first = at
	}
	h.count++
	for i := range h.rates {
		h.rates[i].count++
	}
	h.pooled.count++
}

// loop gives the probability that the unit is in a loop, and the rate in which it is
// surest. The prior is what other units' restarts teach, and weighs as a half-life.
func (h *hazard) loop(others rate) (p float64, of rate) {
	usual := (others.count + .1) / (others.hours + poolPrior.Hours())
	for i, r := range h.rates {
		half := halfLives[i].Hours()
		// A pool in which much is restarted must not make one restart a loop.
		post := rate{r.count + min(usual*half, often/2), r.hours + half}
		if q := upperGamma(post.count, often/half*post.hours); q >= p {
			p, of = q, post
		}
	}
	return p, of
}

// judge says what is predicted, nil when nothing is.
func (h *hazard) judge(unit string, at time.Duration, others rate) *Prediction {
	p, r := h.loop(others)
	if p < ceased {
		if h.rates[len(h.rates)-1].count < .5 {
			h.count = 0
		}
		h.now = false
		return nil
	}
	if h.now = h.now || p >= certain; !h.now {
		return nil
	}
	// The time to the next one has Lomax's distribution.
	quantile := func(q float64) time.Duration {
		return span(r.hours*(math.Pow(1-q, -1/r.count)-1), time.Hour)
	}
	return &Prediction{Unit: unit, Kind: Restarts, Limit: "the next failure", Value: float64(h.count), Since: h.first, At: at,
		Expected: quantile(.5), Soonest: quantile(.025), Latest: quantile(.975), Confidence: min(p, .99),
		Basis: fmt.Sprintf("it was restarted %d times in %s", h.count, Span(at-h.first))}
}

// upperGamma is the regularized incomplete gamma function Q(a, x): by the series 8.11.4
// of the NIST Digital Library of Mathematical Functions or, for large x, by the
// continued fraction 8.9.2, as Lentz evaluates it.
func upperGamma(a, x float64) float64 {
	if x <= 0 || a <= 0 {
		return 1
	}
	lg, _ := math.Lgamma(a)
	front := math.Exp(a*math.Log(x) - x - lg)
	if x < a+1 {
		sum, term := 1/a, 1/a
		for n := 1.0; n < 1000 && term > sum*1e-14; n++ {
			term *= x / (a + n)
			sum += term
		}
		return max(1-front*sum, 0)
	}
	b := x + 1 - a
	c, d := math.Inf(1), 1/b
	f := d
	for n := 1.0; n < 1000; n++ {
		an := -n * (n - a)
		b += 2
		d = 1 / (an*d + b)
		c = b + an/c
		f *= c * d
		if math.Abs(c*d-1) < 1e-14 {
			break
		}
	}
	return front * f
}
