package predict

import (
	"time"
)

const (
	// warmUp is how long a run is not looked at: programs allocate when they start.
	warmUp = 20 * time.Second
	// least is how many values it takes.
	least = 12
	// agreeing is how many evaluations in a row raise a prediction, and against how
	// many in a row end one.
	agreeing, against = 2, 6
)

// growth follows a series to its limit.
type growth struct {
	series  series
	begun   time.Duration // of the run; 0: not known
	now     *line         // what is predicted; nil: nothing
	by      int           // the resolution that says so
	falling int           // samples in a row that are far below what is predicted
}

// restart begins another run.
func (g *growth) restart(at time.Duration) {
	anew := growth{begun: at}
	for i := range g.series.levels {
		anew.series.levels[i].swings.returned = g.series.levels[i].swings.returned
	}
	*g = anew
}

// add takes a value, of which limit is the most, and says whether what is predicted has
// begun, changed or ended.
func (g *growth) add(at time.Duration, v, limit, quantum float64, room []float64) (bool, []float64) {
	if at-g.begun < warmUp {
		return false, room
	}
	told := false
	if g.now != nil && v < g.now.last-g.now.grown/2 {
		if g.falling++; g.falling >= 3 {
			g.drop()
			told = true
		}
	} else {
		g.falling = 0
	}
	ended := g.series.add(at, v, limit)
	for i := range resolutions {
		if ended&(1<<i) == 0 {
			continue
		}
		var found *line
		found, room = g.look(at, i, limit, quantum, room)
		told = g.vote(i, found) || told
	}
	return told, room
}

func (g *growth) drop() {
	g.now, g.falling = nil, 0
	for i := range g.series.levels {
		g.series.levels[i].votes = 0
	}
}

// vote counts what a resolution shows.
func (g *growth) vote(i int, found *line) bool {
	l := &g.series.levels[i]
	if found == nil {
		l.votes = min(l.votes, 0) - 1
		if g.now == nil || i != g.by || -l.votes < against {
			return false
		}
		g.drop()
		return true
	}
	l.votes = max(l.votes, 0) + 1
	switch {
	case g.now == nil && l.votes >= agreeing, g.now != nil && i >= g.by:
		g.now, g.by = found, i
		return true
	}
	return false
}

// look says how a resolution grows; nil: it does not, or not so that it would matter.
// What is predicted already is held on to by less.
func (g *growth) look(at time.Duration, i int, limit, quantum float64, room []float64) (*line, []float64) {
	l := &g.series.levels[i]
	q := question{limit: limit, swing: float64(l.swing), least: least, sure: sure, lax: 1, far: ahead, quantum: quantum, step: width(i), lag: 1}
	if g.now != nil && i == g.by {
		q.lax = 2
	}
	var values [points]float64
	found, room := q.look(l.values(&values), room)
	if found == nil {
		return nil, room
	}
	found.since = at - found.took
	if q.lax == 1 && found.last <= beyond*float64(l.swings.returned) {
		return nil, room // it has been here before, and came back
	}
	return found, room
}
