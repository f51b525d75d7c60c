package trial

import (
	"fmt"
	"slices"
	"time"
)

// Outcome is what became of a boot.
type Outcome struct {
	Took   time.Duration `json:"took"`             // from the begin of PID 1 until all was there that starts needed
	Failed []string      `json:"failed,omitempty"` // units that had failed until then, sorted
}

// History is what boots with and without an order have come to. The zero value has seen
// none.
type History struct {
	Declared []Outcome `json:"declared,omitempty"` // of the latest boots without, the newest last
	Off      int       `json:"off,omitempty"`      // so many boots to come are without
	Price    int       `json:"price,omitempty"`    // … when the next one is bad; 0: one
	Why      string    `json:"why,omitempty"`      // of Off
	Slow     int       `json:"slow,omitempty"`     // so many boots in a row by an order were slow
	Latest   []Brief   `json:"latest,omitempty"`   // boots of either kind, the newest last, for people
}

// Brief is a boot in a few words.
type Brief struct {
	Took    time.Duration `json:"took"`              // as in Outcome; 0: it did not complete
	Failed  int           `json:"failed,omitempty"`  // units
	Ordered bool          `json:"ordered,omitempty"` // it was started by an order
}

const (
	// maxDeclared is how many outcomes are kept.
	maxDeclared = 8
	maxLatest   = 16
	// maxPrice bounds for how many boots a bad one turns the order off.
	maxPrice = 64
	// slower is what a boot may take, of the median of declared ones, and besides. One
	// that takes more may have had a busy machine; the second in a row, or one that
	// takes slack more, is taken to be slow for its order.
	slower, besides, slack = 1.25, time.Second, 5 * time.Second
	slowBoots              = 2
)

// Check says what in a history cannot be.
func (h History) Check() error {
	if len(h.Declared) > maxDeclared || len(h.Latest) > maxLatest || h.Off < 0 || h.Off > maxPrice || h.Price < 0 || h.Price > maxPrice || h.Slow < 0 || h.Slow > slowBoots {
		return fmt.Errorf("boots cannot have gone like this: %+v", h)
	}
	return nil
}

// Use says whether the next boot is to be started by the order: not before one was seen
// without.
func (h History) Use() bool { return h.Off == 0 && len(h.Declared) > 0 }

// Bad gives the history after a boot that was started by an order and should not have been.
// Each costs twice what the one before did, until one is good.
func (h History) Bad(why string) History {
	h.Off = max(h.Price, 1)
	h.Price = min(2*h.Off, maxPrice)
	h.Why, h.Slow = why, 0
	return h
}

// Incomplete gives the history after a boot that was started by an order and did not
// complete.
func (h History) Incomplete() History {
	return h.went(Brief{Ordered: true}).Bad("a boot by it did not complete")
}

func (h History) went(b Brief) History {
	h.Latest = append(slices.Clone(h.Latest), b)
	h.Latest = h.Latest[max(0, len(h.Latest)-maxLatest):]
	return h
}

// After gives the history after a boot that has completed, which was started by an order or
// not.
func (h History) After(o Outcome, ordered bool) History {
	h = h.went(Brief{Took: o.Took, Failed: len(o.Failed), Ordered: ordered})
	if ordered {
		why, slow := h.fault(o)
		switch {
		case slow && h.Slow+1 < slowBoots:
			h.Slow++
		case why != "":
			return h.Bad(why)
		default:
			h.Price, h.Slow = h.Price/2, 0
		}
		return h
	}
	h.Declared = append(slices.Clone(h.Declared), o)
	h.Declared = h.Declared[max(0, len(h.Declared)-maxDeclared):]
	if h.Off = max(h.Off-1, 0); h.Off == 0 {
		h.Why = ""
	}
	return h
}

// fault says what is wrong with a boot that was started by an order; "" is nothing.
// Slow says that it is no more than slow.
func (h History) fault(o Outcome) (why string, slow bool) {
	if len(h.Declared) == 0 {
		return "", false // there is nothing to hold it to
	}
	var took []time.Duration
	for _, d := range h.Declared {
		took = append(took, d.Took)
	}
	slices.Sort(took)
	median := took[len(took)/2]
	for _, unit := range o.Failed {
		if !slices.ContainsFunc(h.Declared, func(d Outcome) bool { return slices.Contains(d.Failed, unit) }) {
			return fmt.Sprintf("%s failed, which it did in none of %d boots without", unit, len(h.Declared)), false
		}
	}
	if most := time.Duration(slower*float64(median)) + besides; o.Took > most {
		return fmt.Sprintf("it took %v, and %v without", o.Took.Round(time.Millisecond), median.Round(time.Millisecond)), o.Took <= most+slack
	}
	return "", false
}
