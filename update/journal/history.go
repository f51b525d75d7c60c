package journal

import (
	"cmp"
	"slices"
	"time"
)

// Update is one, from its first record to its last so far.
type Update struct {
	ID      string    `json:"id"`
	Began   time.Time `json:"began"`
	Latest  time.Time `json:"latest"`
	Step    Step      `json:"step"`
	Who     string    `json:"who,omitempty"`
	From    string    `json:"from,omitempty"`
	Version string    `json:"version,omitempty"`
	Before  string    `json:"before,omitempty"`
	Slot    string    `json:"slot,omitempty"`
	Hash    string    `json:"manifest,omitempty"`
	Fetched int64     `json:"fetched,omitempty"`
	Whole   int64     `json:"whole,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// History gives the updates that records tell of, the latest first.
func History(records []Record) []Update {
	var out []Update
	at := map[string]int{}
	for i := range records {
		r := &records[i]
		n, has := at[r.Update]
		if !has {
			n = len(out)
			at[r.Update] = n
			out = append(out, Update{ID: r.Update, Began: r.Time})
		}
		u := &out[n]
		u.Latest, u.Step = r.Time, r.Step
		u.Who, u.From = cmp.Or(r.Who, u.Who), cmp.Or(r.From, u.From)
		u.Version, u.Before = cmp.Or(r.Version, u.Version), cmp.Or(r.Before, u.Before)
		u.Slot, u.Hash = cmp.Or(r.Slot, u.Slot), cmp.Or(r.Hash, u.Hash)
		u.Fetched, u.Whole = cmp.Or(r.Fetched, u.Fetched), cmp.Or(r.Whole, u.Whole)
		u.Why = cmp.Or(r.Why, u.Why)
	}
	slices.Reverse(out)
	return out
}

// Refused gives the versions whose update was left, and why: they are not tried again by
// themselves. One that was good later is none of them.
func Refused(records []Record) map[string]string {
	out := map[string]string{}
	for _, u := range slices.Backward(History(records)) {
		switch u.Step {
		case Left:
			out[u.Version] = u.Why
		case Good:
			delete(out, u.Version)
		}
	}
	return out
}
