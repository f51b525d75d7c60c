package bus

import (
	"errors"
	"fmt"
	"slices"
)

// maxKept bounds the states that are kept, of all topics together.
const maxKept = 8192

// ErrFull says that there is no room for the state of another key.
var ErrFull = errors.New("the bus keeps the states of 8192 keys already; a key that is withdrawn makes room")

// Broker decides who is given what. It is not safe for concurrent use.
type Broker struct {
	store Keeper
	seq   uint64
	kept  map[ref]Message // the newest of each key of topics that are kept
	subs  map[*Subscription]bool
	stats Stats
}

// Keeper makes critical states survive the bus.
type Keeper interface {
	// Append is called before a state is answered for; after an error the state
	// was not published. Current gives the states so far, the newest of each key.
	Append(m Message, current func() []Message) error
}

// Stats is what the bus has done since it began.
type Stats struct {
	Published   map[Priority]uint64 `json:"published"`
	Delivered   uint64              `json:"delivered"`
	Refused     uint64              `json:"refused"` // what was no message of its topic, or had no room
	Lost        Losses              `json:"lost"`    // of all subscribers, those that have left included
	Kept        int                 `json:"kept"`    // states
	Subscribers []SubscriberStats   `json:"subscribers,omitempty"`
}

// SubscriberStats is one subscriber's part.
type SubscriberStats struct {
	Name   string    `json:"name"`
	Topics []Pattern `json:"topics"`
	Queued int       `json:"queued"`
	Lost   Losses    `json:"lost"`
}

// NewBroker makes a broker that begins with the states of an earlier one.
func NewBroker(states []Message, store Keeper) *Broker {
	b := &Broker{store: store, kept: map[ref]Message{}, subs: map[*Subscription]bool{}}
	b.stats.Published = map[Priority]uint64{}
	for _, m := range states {
		b.seq = max(b.seq, m.Seq)
		if m.Seq >= b.kept[m.ref()].Seq {
			b.kept[m.ref()] = m
		}
	}
	return b
}

// Publish takes a message, at now of CLOCK_BOOTTIME in nanoseconds, and gives
// its number. An error says why the message is none, or has no room.
func (b *Broker) Publish(m Message, now uint64) (uint64, error) {
	if err := b.publish(&m, now); err != nil {
		b.stats.Refused++
		return 0, err
	}
	b.stats.Published[m.Priority]++
	for s := range b.subs {
		if s.interest.wants(&m, s.all) {
			s.queue.Push(m)
			s.wake()
		}
	}
	return m.Seq, nil
}

func (b *Broker) publish(m *Message, now uint64) error {
	if err := complete(m); err != nil {
		return err
	}
	m.Seq = max(now, b.seq+1)
	if k := Kinds[m.Topic]; k != nil && k.Keep {
		if _, known := b.kept[m.ref()]; !known && len(b.kept) >= maxKept && !b.forget() {
			return ErrFull
		}
		if m.Priority == Critical && b.store != nil {
			if err := b.store.Append(*m, b.States); err != nil {
				return fmt.Errorf("keep the state of %s: %w", m.Key, err)
			}
		}
		b.kept[m.ref()] = *m
	}
	b.seq = m.Seq
	return nil
}

// forget makes room: of the states that were withdrawn the oldest goes, since
// nobody but who was away all the time misses it.
func (b *Broker) forget() bool {
	var oldest *Message
	for _, m := range b.kept {
		if m.Gone && (oldest == nil || m.Seq < oldest.Seq) {
			oldest = &m
		}
	}
	if oldest != nil {
		delete(b.kept, oldest.ref())
	}
	return oldest != nil
}

// States gives the states that have to survive, in the order of their numbers.
func (b *Broker) States() []Message {
	return b.states(func(m Message) bool { return m.Priority == Critical })
}

func (b *Broker) states(which func(Message) bool) []Message {
	var out []Message
	for _, m := range b.kept {
		if which(m) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(x, y Message) int {
		if x.Seq < y.Seq {
			return -1
		}
		return 1
	})
	return out
}

// Interest is what a subscriber wants to hear.
type Interest struct {
	Topics   []Pattern `json:"topics"`             // any of them; none: all
	Priority Priority  `json:"priority,omitempty"` // no less urgent than that; "": all
	After    uint64    `json:"after,omitempty"`    // of the critical states that are kept only newer ones
	News     bool      `json:"news,omitempty"`     // nothing of what is kept
}

// wants says whether a message is among what somebody wants and may hear: all
// says that topics which are not public are for him too.
func (in *Interest) wants(m *Message, all bool) bool {
	if in.Priority != "" && m.Priority.lane() > in.Priority.lane() {
		return false
	}
	if k := Kinds[m.Topic]; !all && (k == nil || !k.Public) {
		return false
	}
	return len(in.Topics) == 0 || slices.ContainsFunc(in.Topics, func(p Pattern) bool { return p.Matches(m.Topic) })
}

// Kept gives what is kept for somebody who comes now, in the order of the numbers.
func (b *Broker) Kept(in Interest, all bool) []Message {
	return b.states(func(m Message) bool {
		news := !m.Gone && m.Priority != Critical || m.Seq > in.After && !(m.Gone && in.After == 0) // who comes new need not hear what is gone
		return news && in.wants(&m, all)
	})
}

// Subscription is a subscriber's place at a broker.
type Subscription struct {
	Name string

	interest Interest
	all      bool // it may read what is not public
	queue    Queue
	wake     func()
}

// Subscribe begins to queue messages for somebody, what is kept first. Wake is
// called whenever there is a message to take, and must not wait. All says that
// topics which are not public are for him too.
func (b *Broker) Subscribe(name string, in Interest, all bool, wake func()) *Subscription {
	s := &Subscription{Name: name, interest: in, all: all, wake: wake}
	if !in.News {
		for _, m := range b.Kept(in, all) {
			s.queue.Push(m)
		}
	}
	b.subs[s] = true
	s.wake()
	return s
}

// Take adds to out what it has room for, and gives what was lost since the last
// time.
func (b *Broker) Take(s *Subscription, out []Message) (_ []Message, lost Losses) {
	before := len(out)
	for len(out) < cap(out) {
		m, ok := s.queue.Pop()
		if !ok {
			break
		}
		out = append(out, m)
	}
	lost = s.queue.Lost()
	b.stats.Delivered += uint64(len(out) - before)
	b.stats.Lost.add(lost)
	return out, lost
}

// Leave ends a subscription. What waits for it is not lost to anybody but it.
func (b *Broker) Leave(s *Subscription) {
	b.stats.Lost.add(s.queue.lost)
	delete(b.subs, s)
}

// Stats says how things are.
func (b *Broker) Stats() Stats {
	st := b.stats
	st.Published = map[Priority]uint64{}
	for p, n := range b.stats.Published {
		st.Published[p] = n
	}
	st.Kept = len(b.kept)
	for s := range b.subs {
		st.Lost.add(s.queue.lost)
		st.Subscribers = append(st.Subscribers, SubscriberStats{s.Name, s.interest.Topics, s.queue.Len(), s.queue.lost})
	}
	slices.SortFunc(st.Subscribers, func(x, y SubscriberStats) int { return slices.Compare([]string{x.Name}, []string{y.Name}) })
	return st
}
