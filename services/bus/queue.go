package bus

import "container/list"

// Bounds on what waits for one subscriber. Critical messages do not count: there
// is at most one of each key, and the broker bounds the keys.
const (
	maxQueued      = 1024
	maxQueuedBytes = 1 << 20
)

// patience is how many more urgent messages overtake one before it is served
// all the same.
const patience = 64

// ref names what a message is about.
type ref struct{ topic, key string }

func (m *Message) ref() ref { return ref{m.Topic, m.Key} }

// Losses counts messages that a subscriber was not given. Folded is how many
// critical ones a newer state of the same key has taken the place of.
type Losses struct {
	High   uint64 `json:"high,omitempty"`
	Normal uint64 `json:"normal,omitempty"`
	Low    uint64 `json:"low,omitempty"`
	Folded uint64 `json:"folded,omitempty"`
}

func (l *Losses) add(o Losses) {
	l.High, l.Normal, l.Low, l.Folded = l.High+o.High, l.Normal+o.Normal, l.Low+o.Low, l.Folded+o.Folded
}

// Queue is what waits for somebody: a lane for each priority, each in the order of
// arrival. It is not safe for concurrent use.
type Queue struct {
	lanes    [4]list.List // of Message
	overtook [4]int       // how often the head of a lane that waits was passed by
	states   map[ref]*list.Element
	count    int // without critical ones
	bytes    int
	lost     Losses
}

// Push never waits: it folds or drops what has no room.
func (q *Queue) Push(m Message) {
	n := m.Priority.lane()
	if n == 0 {
		if q.states == nil {
			q.states = map[ref]*list.Element{}
		}
		if old := q.states[m.ref()]; old != nil {
			q.lanes[0].Remove(old)
			q.lost.Folded++
		}
		q.states[m.ref()] = q.lanes[0].PushBack(m)
		return
	}
	q.lanes[n].PushBack(m)
	q.count, q.bytes = q.count+1, q.bytes+len(m.Body)
	for q.count > maxQueued || q.bytes > maxQueuedBytes {
		q.drop()
	}
}

// drop takes the oldest of the least urgent messages away.
func (q *Queue) drop() {
	counts := [4]*uint64{nil, &q.lost.High, &q.lost.Normal, &q.lost.Low}
	for n := 3; n > 0; n-- {
		if q.lanes[n].Len() > 0 {
			q.take(n)
			*counts[n]++
			return
		}
	}
}

func (q *Queue) take(n int) Message {
	m := q.lanes[n].Remove(q.lanes[n].Front()).(Message)
	q.overtook[n] = 0
	if n == 0 {
		delete(q.states, m.ref())
	} else {
		q.count, q.bytes = q.count-1, q.bytes-len(m.Body)
	}
	return m
}

// Pop gives the next message: of the most urgent lane that has one, unless one
// of another lane has lost its patience.
func (q *Queue) Pop() (Message, bool) {
	next := -1
	for n := range q.lanes {
		if q.lanes[n].Len() > 0 && (next < 0 || q.overtook[n] >= patience) {
			next = n
		}
	}
	if next < 0 {
		return Message{}, false
	}
	for n := next + 1; n < len(q.lanes); n++ {
		if q.lanes[n].Len() > 0 {
			q.overtook[n]++
		}
	}
	return q.take(next), true
}

// Len is how many messages wait.
func (q *Queue) Len() int { return q.count + q.lanes[0].Len() }

// Lost gives what was folded or dropped since it was asked for last.
func (q *Queue) Lost() Losses {
	l := q.lost
	q.lost = Losses{}
	return l
}
