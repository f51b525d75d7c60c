package bus

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Priority says how urgent a message is.
type Priority string

// The priorities, the most urgent first.
const (
	Critical Priority = "critical"
	High     Priority = "high"
	Normal   Priority = "normal"
	Low      Priority = "low"
)

// priorities are in the order in which they are served.
var priorities = []Priority{Critical, High, Normal, Low}

// lane is a priority's place in priorities; one that is unknown is the last's.
func (p Priority) lane() int {
	if i := slices.Index(priorities, p); i >= 0 {
		return i
	}
	return len(priorities) - 1
}

// Valid says whether p is one of the priorities.
func (p Priority) Valid() bool { return slices.Contains(priorities, p) }

// Bounds on one message, in bytes.
const (
	MaxBody = 16 << 10
	maxKey  = 512
)

// Message is what goes over the bus. A publisher gives Topic, Body and, of
// topics without a type, nothing else; the bus fills in the rest.
type Message struct {
	Topic    string          `json:"topic"`
	Version  int             `json:"version,omitempty"` // of the topic's type; 0: the one that the bus knows
	Priority Priority        `json:"priority,omitempty"`
	Key      string          `json:"key,omitempty"`  // what it is about
	Seq      uint64          `json:"seq,omitempty"`  // CLOCK_BOOTTIME in nanoseconds when the bus took it, made unique
	Gone     bool            `json:"gone,omitempty"` // the subject is no more: Key instead of Body
	Body     json.RawMessage `json:"body,omitempty"`
}

// Kind describes a topic.
type Kind struct {
	Topic    string
	Version  int
	Priority Priority
	Key      string // the body's field that says what a message is about; "": none
	Keep     bool   // the newest message of each key is for late subscribers too
	Public   bool   // everybody may subscribe, not root alone

	body   func() Body
	fields map[string]fieldType // of the body; nil: any
}

// Body is a message of a topic that has a type.
type Body interface {
	About() (k *Kind, subject string) // the value of the key, if there is one
}

// New makes a message of a body.
func New(b Body) (Message, error) {
	raw, err := json.Marshal(b)
	k, subject := b.About()
	return Message{Topic: k.Topic, Version: k.Version, Priority: k.Priority, Key: subject, Body: raw}, err
}

// Withdraw makes the message that says that the subject of a body is no more.
func Withdraw(b Body) Message {
	k, subject := b.About()
	return Message{Topic: k.Topic, Version: k.Version, Priority: k.Priority, Key: subject, Gone: true}
}

// Decode gives the body of a message as its type; newer fields are left out.
func Decode(m Message) (Body, error) {
	k := Kinds[m.Topic]
	if k == nil {
		return nil, fmt.Errorf("topic %s has no type", m.Topic)
	}
	b := k.body()
	if err := json.Unmarshal(m.Body, b); err != nil {
		return nil, fmt.Errorf("body of %s: %w", m.Topic, err)
	}
	return b, nil
}

// local is what topics without a type begin with.
const local = "local."

// kind gives what is known of a topic, nil when there is no such topic.
func kind(topic string) *Kind {
	if k := Kinds[topic]; k != nil {
		return k
	}
	if strings.HasPrefix(topic, local) && words(topic, false) {
		return &Kind{Topic: topic, Version: 1, Priority: Normal}
	}
	return nil
}

// complete checks what a publisher gave, whose body is valid JSON, and fills in
// what follows from the topic.
func complete(m *Message) error {
	k := kind(m.Topic)
	switch {
	case k == nil:
		return fmt.Errorf("no topic %.100q: those that have a type stand in the bus's reference, others begin with %q and have words of a-z, 0-9, _ and - between dots", m.Topic, local)
	case len(m.Body) > MaxBody:
		return fmt.Errorf("the body of %s has %d bytes; there is room for %d", m.Topic, len(m.Body), MaxBody)
	case m.Gone && (k.Key == "" || m.Key == "" || len(m.Body) > 0):
		return fmt.Errorf("what is gone of %s is told by its key alone", m.Topic)
	case m.Version == 0:
		m.Version = k.Version
	}
	m.Topic, m.Priority, m.Seq = k.Topic, k.Priority, 0
	if m.Gone {
		return checkKey(k, m.Key)
	}
	key, err := subject(k, m)
	if err != nil {
		return fmt.Errorf("the body of %s: %w", m.Topic, err)
	}
	m.Key = key
	return checkKey(k, key)
}

func checkKey(k *Kind, key string) error {
	if k.Key != "" && key == "" || len(key) > maxKey {
		return fmt.Errorf("%s needs %q of 1 to %d bytes", k.Topic, k.Key, maxKey)
	}
	return nil
}

// subject reads the key off a body, which has to be what the type says. One of
// a version that is newer than ours need only have the key.
func subject(k *Kind, m *Message) (key string, err error) {
	err = fields(m.Body, func(name, value []byte) error {
		if string(name) == k.Key {
			key = text(value)
		}
		if k.fields == nil || m.Version > k.Version {
			return nil
		}
		t, ok := k.fields[string(name)]
		if !ok {
			return fmt.Errorf("there is no field %.100q", name)
		}
		if !t.holds(value) {
			return fmt.Errorf("%s has to be %s, not %.100s", name, t, value)
		}
		return nil
	})
	return key, err
}

// fieldType is what a field of a body holds.
type fieldType string

const (
	aString     fieldType = "a string"
	someStrings fieldType = "an array of strings"
	anInt       fieldType = "an integer"
	aSize       fieldType = "an integer that is not negative"
	aNumber     fieldType = "a number"
)

func (t fieldType) holds(value []byte) bool {
	var err error
	switch t {
	case aString:
		return value[0] == '"'
	case someStrings:
		all := true
		err = elements(value, func(e []byte) error {
			all = all && e[0] == '"'
			return nil
		})
		return err == nil && all
	case anInt:
		_, err = strconv.ParseInt(string(value), 10, 64)
	case aSize:
		_, err = strconv.ParseUint(string(value), 10, 64)
	case aNumber:
		_, err = strconv.ParseFloat(string(value), 64)
	}
	return err == nil
}

// Pattern selects topics: word by word, "*" for any one of them and, as the
// last, "**" for any number, also none.
type Pattern string

// Valid says whether p is a pattern.
func (p Pattern) Valid() bool { return words(string(p), true) }

// Matches says whether a topic is among those that p selects.
func (p Pattern) Matches(topic string) bool {
	rest := string(p)
	for rest != "" {
		var want, have string
		want, rest, _ = strings.Cut(rest, ".")
		if want == "**" {
			return true
		}
		if topic == "" {
			return false
		}
		have, topic, _ = strings.Cut(topic, ".")
		if want != "*" && want != have {
			return false
		}
	}
	return topic == ""
}

// words says whether s is words with dots between them.
func words(s string, wild bool) bool {
	all := strings.Split(s, ".")
	for i, w := range all {
		if wild && (w == "*" || w == "**" && i == len(all)-1) {
			continue
		}
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return false
		}
	}
	return len(s) <= 128
}
