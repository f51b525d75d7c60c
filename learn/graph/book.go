package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"clarityos/learn/keep"
	"clarityos/learn/trial"
	"clarityos/services/plan"
	"clarityos/services/sealed"
	"clarityos/services/unit"
)

// Book is what is kept from boot to boot.
type Book struct {
	Machine string        // the kind of the machine on which durations were measured; "": not known
	Before  *Model        // what all boots before this one have taught
	Trials  trial.History // how they went, started by it or not
	Boot    *Boot         // this one, as far as it has come
}

// NewBook makes a book that knows nothing.
func NewBook() *Book { return &Book{Before: NewModel(), Boot: NewBoot("")} }

// InBoot says which boot this is, whether it is started by what was learned, and whether
// an earlier one was and has not completed. A boot that the book has from before is
// learned of.
func (b *Book) InBoot(id string, ordered, incomplete bool) {
	if b.Boot.ID == id {
		return
	}
	trials := b.Tried()
	if incomplete {
		trials = trials.Incomplete()
	}
	b.Before, b.Trials, b.Boot = b.Now(), trials, NewBoot(id)
	b.Boot.Ordered = ordered
}

// On says on which kind of machine this boot is. On another one than before, what is
// known of durations, and of how boots went, does not count.
func (b *Book) On(machine string) {
	if b.Machine == machine {
		return
	}
	b.Machine, b.Trials = machine, trial.History{}
	for _, k := range b.Before.Units {
		k.Spans = nil
	}
}

// Order gives what PID 1 can start by, as Model.Start does.
func (b *Book) Order(after map[string][]string) *plan.Order {
	o := b.Now().Start(after)
	o.Machine = b.Machine
	return o
}

// Tried gives how boots went, this one included once it has completed.
func (b *Book) Tried() trial.History {
	if b.Boot.Took == 0 {
		return b.Trials
	}
	return b.Trials.After(b.Boot.Outcome(), b.Boot.Ordered)
}

// Now gives what is known, this boot included.
func (b *Book) Now() *Model {
	if b.Boot.ID == "" || len(b.Boot.Units) == 0 && len(b.Boot.Uses) == 0 {
		return b.Before
	}
	return b.Before.Learn(b.Boot)
}

// Say takes a person's word on a pair; "" takes it back. What is said of a pair that
// no boot has shown is an edge too.
func (b *Book) Say(p Pair, said Said) error {
	e := b.Before.Edges[p]
	if e == nil && said != "" {
		if e = b.Before.edge(p); e == nil {
			return fmt.Errorf("there is no room for more than %d edges", maxEdges)
		}
	}
	if e != nil {
		e.Said = said
	}
	return nil
}

// Forget drops what is known of a pair or, when On is "", of all pairs of a unit, or of
// all when Unit is "" too; how many it were. This boot's uses of them are dropped too.
func (b *Book) Forget(p Pair) int {
	hit := func(q Pair) bool {
		return p.Unit == "" || p.On == "" && (q.Unit == p.Unit || q.On == p.Unit) || q == p
	}
	gone := map[Pair]bool{}
	for q := range b.Before.Edges {
		if hit(q) {
			gone[q] = true
			delete(b.Before.Edges, q)
		}
	}
	b.Boot.Uses = slices.DeleteFunc(b.Boot.Uses, func(u Use) bool {
		q := Pair{u.Unit, u.On}
		if hit(q) {
			gone[q] = true
		}
		return hit(q)
	})
	if p.Unit == "" {
		b.Before.Boots = 0
		clear(b.Before.Units)
	}
	return len(gone)
}

// MaxSize bounds the file, in bytes.
const MaxSize = 16 << 20

// kind is that of the file, with the version of its meaning.
const kind = "graph 1"

// content is what is in it, as JSON.
type content struct {
	Machine string            `json:"machine,omitempty"`
	Boots   int               `json:"boots"`
	Same    int               `json:"same"`
	Units   map[string]*Known `json:"units"`
	Edges   []line            `json:"edges"`
	Trials  trial.History     `json:"trials"`
	Boot    *Boot             `json:"boot"`
}

type line struct {
	Unit string `json:"unit"`
	On   string `json:"on"`
	*Edge
}

// Encode gives a book's bytes.
func (b *Book) Encode() ([]byte, error) {
	c := content{Machine: b.Machine, Boots: b.Before.Boots, Same: b.Before.Same, Units: b.Before.Units, Edges: []line{}, Trials: b.Trials, Boot: b.Boot}
	for _, p := range b.Before.Pairs() {
		c.Edges = append(c.Edges, line{p.Unit, p.On, b.Before.Edges[p]})
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write down what was learned: %w", err)
	}
	return sealed.Seal(kind, body), nil
}

// Decode reads a book's bytes. What does not hold is refused as a whole.
func Decode(file []byte) (*Book, error) {
	if len(file) > MaxSize {
		return nil, fmt.Errorf("it has more than %d bytes", MaxSize)
	}
	body, err := sealed.Open(kind, file)
	if err != nil {
		return nil, err
	}
	c := content{}
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, fmt.Errorf("what it says is no graph: %w", err)
	}
	b := &Book{c.Machine, &Model{c.Boots, c.Same, map[Pair]*Edge{}, c.Units}, c.Trials, c.Boot}
	for _, l := range c.Edges {
		if l.Edge == nil {
			return nil, errors.New("an edge says nothing")
		}
		b.Before.Edges[Pair{l.Unit, l.On}] = l.Edge
	}
	return b, b.check()
}

// check says what in a book that was read cannot be.
func (b *Book) check() error {
	if b.Boot == nil || b.Boot.Units == nil {
		return errors.New("it has no boot")
	}
	if b.Before.Units == nil {
		b.Before.Units = map[string]*Known{}
	}
	if len(b.Before.Edges) > maxEdges || len(b.Before.Units) > maxUnits || len(b.Boot.Units) > maxUnits || len(b.Boot.Uses) > maxUses || b.Before.Boots < 0 {
		return errors.New("it has more of something than there is room for")
	}
	for p, e := range b.Before.Edges {
		if err := errors.Join(unit.CheckName(p.Unit), unit.CheckName(p.On)); err != nil {
			return fmt.Errorf("an edge: %w", err)
		}
		for _, belief := range []Belief{e.Start, e.Fatal, e.Steady} {
			if !belief.sound() {
				return fmt.Errorf("of %s and %s it believes what cannot be: %+v", p.Unit, p.On, belief)
			}
		}
		if len(e.Objects) > maxObjects {
			return fmt.Errorf("of %s and %s it has %d objects", p.Unit, p.On, len(e.Objects))
		}
		if t := e.Trained; t != nil && (t.Boots < 0 || t.Boots > 0 && t.Delay <= 0) {
			return fmt.Errorf("of %s and %s training has shown what cannot be: %+v", p.Unit, p.On, *t)
		}
		switch e.Said {
		case "", Pinned, Ignored:
		default:
			return fmt.Errorf("of %s and %s somebody has said %q", p.Unit, p.On, e.Said)
		}
	}
	if err := b.Trials.Check(); err != nil {
		return err
	}
	for _, u := range b.Boot.Uses {
		if err := errors.Join(unit.CheckName(u.Unit), unit.CheckName(u.On)); err != nil {
			return fmt.Errorf("a use: %w", err)
		}
	}
	for name := range b.Boot.Units {
		if err := unit.CheckName(name); err != nil {
			return fmt.Errorf("the boot: %w", err)
		}
	}
	for name, k := range b.Before.Units {
		if k == nil || len(k.Spans) > maxSpans {
			return fmt.Errorf("of %s it knows nothing, or too much", name)
		}
	}
	return nil
}

// sound says whether boots can have led to a belief.
func (b Belief) sound() bool {
	if b == (Belief{}) {
		return true
	}
	const most = 1/(1-decay) + .001 // what evidence of all boots adds up to
	in := func(v, low, high float64) bool { return v >= low && v <= high }
	return b.Class >= Timing && b.Class <= Missed && in(b.For, 0, most) && in(b.Against, 0, most) && b.Idle >= 0 && b.Weight > 0 && b.Weight <= 1
}

// what is in the file, for errors.
const what = "what was learned"

// Load reads the file at path, as keep.Load does. It always gives a book.
func Load(path string) (*Book, error) { return keep.Load(path, what, MaxSize, NewBook, Decode) }

// Save writes a book's bytes to path, as keep.Save does.
func Save(path string, file []byte) error { return keep.Save(path, what, file) }
