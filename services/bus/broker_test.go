package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func message(t interface{ Fatal(...any) }, b Body) Message {
	m, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// schedule is a bus, its store, and those who listen, of whom each remembers
// what a client would.
type schedule struct {
	*rapid.T
	path   string
	store  *Store
	broker *Broker
	now    uint64
	acked  map[ref]Message // the newest state of each key that was answered for
	ears   []*ear
}

type ear struct {
	sub   *Subscription
	in    Interest
	after uint64
	last  map[ref]uint64 // by key: the number of the newest message
	heard map[ref]Message
	sent  uint64 // what was published for it since it subscribed
	got   uint64
	lost  Losses
}

func (s *schedule) open() {
	store, states, _, err := OpenStore(s.path)
	if err != nil {
		s.Fatal(err)
	}
	s.store, s.broker = store, NewBroker(states, store)
	kept := map[ref]Message{}
	for _, m := range states {
		kept[m.ref()] = m
	}
	if d := cmp.Diff(s.acked, kept); d != "" {
		s.Fatalf("what the bus was asked to keep, and what it has:\n%s", d)
	}
}

func (s *schedule) subscribe(e *ear) {
	in := e.in
	in.After = e.after
	e.sub = s.broker.Subscribe("ear", in, true, func() {})
	e.sent, e.got, e.lost = uint64(e.sub.queue.Len()), 0, Losses{}
}

func (s *schedule) publish(m Message) {
	s.now += uint64(rapid.IntRange(0, 3).Draw(s.T, "time"))
	seq, err := s.broker.Publish(m, s.now)
	if err != nil {
		s.Fatal(err)
	}
	m.Seq = seq
	if m.Priority == Critical {
		s.acked[m.ref()] = m
	}
	for _, e := range s.ears {
		if e.in.wants(&m, true) {
			e.sent++
		}
	}
}

func (s *schedule) take(e *ear, n int) {
	messages, lost := s.broker.Take(e.sub, make([]Message, 0, n))
	e.lost.add(lost)
	for _, m := range messages {
		e.got++
		if last := e.last[m.ref()]; m.Seq < last || m.Seq == last && m.Priority == Critical { // others that are kept come again
			s.Fatalf("%+v came after %d of the same key", m, last)
		}
		e.last[m.ref()] = m.Seq
		if m.Priority == Critical {
			e.after = m.Seq
			e.heard[m.ref()] = m
		}
	}
}

// Whatever is published, taken, and killed in whatever order: the newest critical
// state of each key arrives at everybody who wants it, no message comes before an
// older one of its key, and what does not arrive is counted.
func TestSchedules(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		s := &schedule{T: rt, path: filepath.Join(dir, fmt.Sprint(n)), acked: map[ref]Message{}}
		s.open()
		for _, in := range []Interest{{}, {Topics: []Pattern{"unit.*"}}, {Priority: High}, {Topics: []Pattern{"resource.**", "unit.state"}}} {
			e := &ear{in: in, last: map[ref]uint64{}, heard: map[ref]Message{}}
			s.ears = append(s.ears, e)
			s.subscribe(e)
		}
		unit := rapid.SampledFrom([]string{"a.service", "b.service", "c.service"})
		rt.Repeat(map[string]func(*rapid.T){
			"state": func(rt *rapid.T) {
				s.publish(message(rt, &UnitState{Unit: unit.Draw(rt, "unit"), Phase: fmt.Sprint(s.now)}))
			},
			"withdraw": func(rt *rapid.T) { s.publish(Withdraw(&UnitState{Unit: unit.Draw(rt, "unit")})) },
			"many": func(rt *rapid.T) {
				for range rapid.IntRange(1, maxQueued).Draw(rt, "many") {
					s.publish(message(rt, rapid.SampledFrom([]Body{&UnitJob{Unit: "x"}, &ResourceUsage{Unit: "y"}, &ResourceAnomaly{Unit: "z"}}).Draw(rt, "body")))
				}
			},
			"take": func(rt *rapid.T) {
				s.take(rapid.SampledFrom(s.ears).Draw(rt, "ear"), rapid.IntRange(0, 2000).Draw(rt, "n"))
			},
			"leave and come again": func(rt *rapid.T) {
				e := rapid.SampledFrom(s.ears).Draw(rt, "ear")
				s.broker.Leave(e.sub)
				s.subscribe(e)
			},
			"kill": func(rt *rapid.T) { // while another state is written, or not
				r, err := record(message(rt, &UnitState{Unit: "killed.service"}))
				if err == nil {
					_, err = s.store.file.WriteAt(r[:rapid.IntRange(0, len(r)-1).Draw(rt, "written")], s.store.size)
				}
				if err = errors.Join(err, s.store.Close()); err != nil {
					rt.Fatal(err)
				}
				s.now = max(s.now, s.broker.seq) // numbers are times, and it takes some
				s.open()
				for _, e := range s.ears {
					s.subscribe(e)
				}
			},
		})
		for _, e := range s.ears {
			s.take(e, 1<<20)
			if lost := e.lost.High + e.lost.Normal + e.lost.Low + e.lost.Folded; e.got+lost != e.sent {
				rt.Errorf("%+v: %d messages for it, %d came, %d were counted as lost", e.in, e.sent, e.got, lost)
			}
			want := map[ref]Message{}
			for k, m := range s.acked {
				if _, known := e.heard[k]; e.in.wants(&m, true) && (known || !m.Gone) { // who never heard of it need not hear that it is gone
					want[k] = m
				}
			}
			got := map[ref]Message{}
			for k, m := range e.heard {
				if _, ok := want[k]; ok || !m.Gone {
					got[k] = m
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				rt.Errorf("%+v: the newest states, and what arrived:\n%s", e.in, d)
			}
		}
		if err := s.store.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func topics(messages []Message) (out []string) {
	for _, m := range messages {
		out = append(out, m.Topic)
	}
	return out
}

func TestPriorities(t *testing.T) {
	b := NewBroker(nil, nil)
	s := b.Subscribe("", Interest{}, true, func() {})
	all := []Body{&ResourceUsage{Unit: "x"}, &UnitJob{}, &ResourceAnomaly{}, &UnitState{Unit: "x"}, &ResourceUsage{Unit: "y"}, &ResourceAnomaly{}}
	for i, m := range all {
		if _, err := b.Publish(message(t, m), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	got, lost := b.Take(s, make([]Message, 0, 100))
	want := []string{"unit.state", "resource.anomaly", "resource.anomaly", "unit.job", "resource.usage", "resource.usage"}
	if d := cmp.Diff(want, topics(got)); d != "" || lost != (Losses{}) {
		t.Errorf("%+v %s", lost, d)
	}
}

// However many urgent messages there are, no lane waits for ever.
func TestStarvation(t *testing.T) {
	b := NewBroker(nil, nil)
	s := b.Subscribe("", Interest{}, true, func() {})
	publish := func(m Body) {
		if _, err := b.Publish(message(t, m), 0); err != nil {
			t.Fatal(err)
		}
	}
	publish(&ResourceUsage{Unit: "x"})
	publish(&UnitJob{})
	served := map[string]int{}
	for i := range 3 * patience {
		publish(&UnitState{Unit: fmt.Sprint(i)})
		publish(&ResourceAnomaly{})
		for _, m := range first(b.Take(s, make([]Message, 0, 1))) {
			if served[m.Topic] == 0 {
				served[m.Topic] = i
			}
		}
	}
	for _, topic := range []string{"resource.usage", "unit.job", "resource.anomaly"} {
		if n := served[topic]; n == 0 || n > patience+3 {
			t.Errorf("%s was served after %d others", topic, n)
		}
	}
}

func first(m []Message, _ Losses) []Message { return m }

// What has no room is dropped from the least urgent on, and told.
func TestBounds(t *testing.T) {
	b := NewBroker(nil, nil)
	s := b.Subscribe("", Interest{}, true, func() {})
	for i := range maxQueued {
		for _, m := range []Body{&ResourceUsage{Unit: fmt.Sprint(i)}, &UnitJob{}, &UnitState{Unit: "x"}} {
			if _, err := b.Publish(message(t, m), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	st := b.Stats().Subscribers[0]
	if want := (Losses{Low: maxQueued, Folded: maxQueued - 1}); st.Lost != want || st.Queued != maxQueued+1 {
		t.Errorf("%+v, want %+v", st, want)
	}
	got, lost := b.Take(s, make([]Message, 0, 1<<20))
	if len(got) != maxQueued+1 || lost != st.Lost {
		t.Errorf("%d %+v", len(got), lost)
	}
	big := json.RawMessage(`{"x":"` + strings.Repeat("y", MaxBody-10) + `"}`)
	for range 3 * maxQueuedBytes / MaxBody {
		if _, err := b.Publish(Message{Topic: "local.big", Body: big}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if s.queue.bytes > maxQueuedBytes {
		t.Errorf("%d bytes wait", s.queue.bytes)
	}
}

// The states of so many keys are kept, and those that were withdrawn make room.
func TestKeys(t *testing.T) {
	b := NewBroker(nil, nil)
	for i := range maxKept {
		if _, err := b.Publish(message(t, &UnitState{Unit: fmt.Sprint(i)}), 0); err != nil {
			t.Fatal(err)
		}
	}
	more := message(t, &UnitState{Unit: "one more"})
	if _, err := b.Publish(more, 0); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	for _, unit := range []string{"17", "18"} {
		if _, err := b.Publish(Withdraw(&UnitState{Unit: unit}), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Publish(more, 0); err != nil {
		t.Error(err)
	}
	if _, ok := b.kept[ref{"unit.state", "17"}]; ok || len(b.kept) != maxKept {
		t.Errorf("%d are kept", len(b.kept))
	}
}

// Late subscribers are given what is kept, others than root only what is for all.
func TestLate(t *testing.T) {
	b := NewBroker(nil, nil)
	for _, m := range []Body{&ResourceUsage{Unit: "x"}, &ResourceUsage{Unit: "x", Memory: 1}, &UnitState{Unit: "a"}, &UnitJob{Unit: "a"}, &DiscoveryEndpoint{Endpoint: "e"}, &UnitState{Unit: "a"}} {
		if _, err := b.Publish(message(t, m), 100); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		in   Interest
		root bool
		want []string
	}{
		"root":            {Interest{}, true, []string{"discovery.endpoint", "unit.state", "resource.usage"}},
		"other":           {Interest{}, false, []string{"unit.state"}},
		"news":            {Interest{News: true}, true, nil},
		"after the first": {Interest{After: 104}, true, []string{"unit.state", "resource.usage"}},
		"after all":       {Interest{After: 105}, true, []string{"resource.usage"}},
		"urgent":          {Interest{Priority: High}, true, []string{"discovery.endpoint", "unit.state"}},
		"topic":           {Interest{Topics: []Pattern{"*.usage"}}, true, []string{"resource.usage"}},
	} {
		s := b.Subscribe("", c.in, c.root, func() {})
		if d := cmp.Diff(c.want, topics(first(b.Take(s, make([]Message, 0, 100))))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestRefused(t *testing.T) {
	b := NewBroker(nil, nil)
	for name, m := range map[string]Message{
		"no topic":              {Topic: "unit.stat", Body: json.RawMessage(`{}`)},
		"no word":               {Topic: "local..x", Body: json.RawMessage(`{}`)},
		"no body":               {Topic: "unit.job"},
		"no object":             {Topic: "unit.job", Body: json.RawMessage(`null`)},
		"no object, local":      {Topic: "local.x", Body: json.RawMessage(`[1]`)},
		"a field too many":      {Topic: "unit.job", Body: json.RawMessage(`{"unit":"a","size":1}`)},
		"of the wrong type":     {Topic: "unit.job", Body: json.RawMessage(`{"unit":1}`)},
		"no key":                {Topic: "unit.state", Body: json.RawMessage(`{"unit":""}`)},
		"no key, newer":         {Topic: "unit.state", Version: 9, Body: json.RawMessage(`{"name":"a"}`)},
		"a long key":            {Topic: "unit.state", Body: json.RawMessage(`{"unit":"` + strings.Repeat("x", maxKey+1) + `"}`)},
		"a long body":           {Topic: "local.x", Body: json.RawMessage(`{"x":"` + strings.Repeat("x", MaxBody) + `"}`)},
		"gone without a key":    {Topic: "unit.state", Gone: true},
		"gone with a body":      {Topic: "unit.state", Gone: true, Key: "a", Body: json.RawMessage(`{}`)},
		"gone of what is never": {Topic: "unit.job", Gone: true, Key: "a"},
	} {
		if seq, err := b.Publish(m, 1); err == nil || seq != 0 {
			t.Errorf("%s: taken as %d", name, seq)
		}
	}
	if st := b.Stats(); st.Refused != 14 || len(st.Published) != 0 {
		t.Errorf("%+v", st)
	}
	for name, m := range map[string]Message{
		"a newer version": {Topic: "unit.state", Version: 9, Body: json.RawMessage(`{"unit":"a","colour":"red"}`)},
		"local":           {Topic: "local.my-app.x_1", Body: json.RawMessage(`{"x":[1]}`)},
	} {
		if _, err := b.Publish(m, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
