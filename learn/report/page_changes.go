package report

import (
	"fmt"
	"time"

	"clarityos/learn/draw"
)

// went is how a boot went.
type went struct{ Name, Class, Width, Took string }

type change struct{ Unit, Took, Usual, Span, Runs, Says string }

type difference struct{ Unit, On, Before, After string }

// noise is what a start differs by without anything behind it, as profiles have it.
const noise = 100 * time.Millisecond

// fewest is how many starts a profile must have to say what is usual.
const fewest = 3

func (p *page) changes(r *Report) {
	boots := r.Changes.Boots
	boots = boots[max(0, len(boots)-32):]
	var most time.Duration
	for _, b := range boots {
		most = max(most, b.Took)
	}
	for i, b := range boots {
		back := len(boots) - i
		if r.Changes.This {
			back--
		}
		w := went{Class: "declared", Took: draw.Span(b.Took), Name: fmt.Sprintf("%d before", back)}
		if back == 0 {
			w.Name = "this one"
		}
		if b.Ordered {
			w.Class = "ordered"
			w.Name += ", as learned"
		} else {
			w.Name += ", as declared"
		}
		if b.Took == 0 {
			w.Took = "not complete"
		}
		if b.Failed > 0 {
			w.Name += ", " + draw.Count(b.Failed, "unit") + " failed"
		}
		w.Width = "0"
		if most > 0 {
			w.Width = fmt.Sprintf("%.2f", 100*float64(max(b.Took, 0))/float64(most))
		}
		p.Boots = append(p.Boots, w)
	}
	p.BootsSay = "A boot counts from the begin of its first service until all was there that services needed to start. The newest stands last. As learned: the boot was started by what earlier ones had taught; as declared: it was not."
	for i, c := range r.Changes.Units {
		if i == mostList {
			p.ChangesLeft = left(len(r.Changes.Units)-i, "unit", "they differ less")
			break
		}
		p.Changes = append(p.Changes, change{plain(c.Unit), draw.Span(c.Took), draw.Span(c.Usual), draw.Span(c.Least) + " to " + draw.Span(c.Most), fmt.Sprint(c.Runs), c.says()})
	}
	for i, d := range r.Changes.Graph {
		if i == mostList {
			p.DiffLeft = left(len(r.Changes.Graph)-i, "pair", tooBig)
			break
		}
		p.Diff = append(p.Diff, difference{plain(d.Unit), plain(d.On), plain(string(d.Before)), plain(string(d.After))})
	}
}

// says says whether a start was like others.
func (c Change) says() string {
	switch {
	case c.Runs < fewest:
		return "too few starts to say"
	case c.apart() <= noise || c.Took >= c.Least && c.Took <= c.Most:
		return "as usual"
	case c.Took > c.Usual:
		return "slower than usual"
	}
	return "faster than usual"
}
