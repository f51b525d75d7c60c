package status

import (
	"context"
	"math"
	"strconv"
	"time"

	"clarityos/learn/profiles"
	"clarityos/services/bus/client"
)

// ProfileTopic is where the component answers requests for profiles.
const ProfileTopic = "learn.profile"

// maxBars keeps a ProfileReply within what a message of the bus may hold.
const maxBars = 16

// ProfileRequest asks for a phase of a unit's profile.
type ProfileRequest struct {
	Unit  string         `json:"unit"`
	Phase profiles.Phase `json:"phase"`
}

// ProfileReply is a phase of a unit's profile. Runs is 0 of a unit that has none.
type ProfileReply struct {
	Unit     string         `json:"unit"`
	Identity string         `json:"identity,omitempty"` // of its binary and configuration
	Runs     uint32         `json:"runs"`               // starts with them
	Restarts uint32         `json:"restarts"`           // of these automatic ones
	Before   uint32         `json:"before"`             // starts before they changed; these count less
	Notice   string         `json:"notice,omitempty"`   // what is wrong with the file of profiles
	Phase    profiles.Phase `json:"phase"`
	Measures []MeasureView  `json:"measures"`
}

// MeasureView is what a profile has of one measure. Values are in Unit.
type MeasureView struct {
	Measure profiles.Measure `json:"measure"`
	Unit    string           `json:"unit,omitempty"`
	Median  float64          `json:"median"`
	P5      float64          `json:"p5"`
	P95     float64          `json:"p95"`
	Last    float64          `json:"last"`
	Count   uint32           `json:"count"`  // values since the binary or the configuration changed
	Weight  float64          `json:"weight"` // of all values, older ones counting less
	Bars    [][3]float64     `json:"bars"`   // low, high, share of the weight
}

// ProfileOf gives a phase of a profile, which may be nil, for a unit.
func ProfileOf(p *profiles.Profile, unit string, ph profiles.Phase) ProfileReply {
	r := ProfileReply{Unit: unit, Phase: ph, Measures: []MeasureView{}}
	if p == nil {
		return r
	}
	if p.Identity != (profiles.Identity{}) {
		r.Identity = p.Identity.String()
	}
	r.Runs, r.Restarts, r.Before = p.Runs, p.Restarts, p.Before
	for _, f := range profiles.Figures() {
		s := p.Series(ph, f.Measure)
		if s == nil {
			continue
		}
		h := &s.Values
		m := MeasureView{Measure: f.Measure, Unit: f.UnitIn(ph), Count: s.Count, Weight: short(h.Weight()),
			Median: short(h.Quantile(.5)), P5: short(h.Quantile(.05)), P95: short(h.Quantile(.95)), Last: short(s.Last)}
		for _, b := range h.Bars(maxBars) {
			m.Bars = append(m.Bars, [3]float64{short(b.Low), short(b.High), short(b.Share)})
		}
		r.Measures = append(r.Measures, m)
	}
	return r
}

// AskProfile asks the component at a bus for one phase.
func AskProfile(ctx context.Context, path string, q ProfileRequest) (r ProfileReply, err error) {
	err = client.Ask(ctx, path, ProfileTopic, q, &r, 5*time.Second)
	return r, err
}

// short leaves four digits, which is more than a histogram knows.
func short(v float64) float64 {
	out, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil || math.IsInf(out, 0) {
		return 0
	}
	return out
}
