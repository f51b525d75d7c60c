package bus

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
	lanes    [4]lane
	overtook [4]int // how often the head of a lane that waits was passed by
	count    int    // without critical ones
	bytes    int
	lost     Losses
}

// Push never waits: it folds or drops what has no room.
func (q *Queue) Push(m Message) {
	n := m.Priority.lane()
	if n == 0 {
		if q.lanes[0].replace(m) {
			q.lost.Folded++
		}
		return
	}
	q.lanes[n].push(m)
	q.count, q.bytes = q.count+1, q.bytes+len(m.Body)
	for q.count > maxQueued || q.bytes > maxQueuedBytes {
		q.drop()
	}
}

// drop takes the oldest of the least urgent messages away.
func (q *Queue) drop() {
	counts := [4]*uint64{nil, &q.lost.High, &q.lost.Normal, &q.lost.Low}
	for n := 3; n > 0; n-- {
		if q.lanes[n].waiting > 0 {
			q.take(n)
			*counts[n]++
			return
		}
	}
}

func (q *Queue) take(n int) Message {
	m := q.lanes[n].pop()
	q.overtook[n] = 0
	if n > 0 {
		q.count, q.bytes = q.count-1, q.bytes-len(m.Body)
	}
	return m
}

// Pop gives the next message: of the most urgent lane that has one, unless one
// of another lane has lost its patience.
func (q *Queue) Pop() (Message, bool) {
	next := -1
	for n := range q.lanes {
		if q.lanes[n].waiting > 0 && (next < 0 || q.overtook[n] >= patience) {
			next = n
		}
	}
	if next < 0 {
		return Message{}, false
	}
	for n := next + 1; n < len(q.lanes); n++ {
		if q.lanes[n].waiting > 0 {
			q.overtook[n]++
		}
	}
	return q.take(next), true
}

// Len is how many messages wait.
func (q *Queue) Len() int { return q.count + q.lanes[0].waiting }

// Lost gives what was folded or dropped since it was asked for last.
func (q *Queue) Lost() Losses {
	l := q.lost
	q.lost = Losses{}
	return l
}

// lane holds messages in their order.
type lane struct {
	all     []Message // from head on; a gap has no topic
	head    int
	waiting int            // without gaps
	first   uint64         // the number of the place at head
	places  map[ref]uint64 // of those that replace was given
}

func (l *lane) push(m Message) {
	if l.head > len(l.all)/2 || len(l.all)-l.head > 2*l.waiting {
		l.pack()
	}
	l.all = append(l.all, m)
	l.waiting++
}

// replace is push, and takes away an older message about the same.
func (l *lane) replace(m Message) (folded bool) {
	if l.places == nil {
		l.places = map[ref]uint64{}
	}
	place, folded := l.places[m.ref()]
	if folded {
		l.all[l.head+int(place-l.first)] = Message{}
		l.waiting--
		l.skip()
	}
	l.push(m)
	l.places[m.ref()] = l.first + uint64(len(l.all)-l.head) - 1
	return folded
}

// pop takes the first message of a lane that has one.
func (l *lane) pop() Message {
	m := l.all[l.head]
	l.all[l.head] = Message{}
	l.waiting--
	if l.places != nil {
		delete(l.places, m.ref())
	}
	l.skip()
	return m
}

// skip moves the head to a message, or to the end.
func (l *lane) skip() {
	for l.head < len(l.all) && l.all[l.head].Topic == "" {
		l.head++
		l.first++
	}
}

// pack closes the gaps.
func (l *lane) pack() {
	n := 0
	for _, m := range l.all[l.head:] {
		if m.Topic == "" {
			continue
		}
		l.all[n] = m
		if l.places != nil {
			l.places[m.ref()] = l.first + uint64(n)
		}
		n++
	}
	clear(l.all[n:])
	l.all, l.head = l.all[:n], 0
}
