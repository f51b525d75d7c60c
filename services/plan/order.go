package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"clarityos/services/sealed"
)

// OrderPath is where PID 1 reads the order of this boot.
const OrderPath = "/run/clarity/order"

// MaxOrderSize bounds the file of an order, in bytes.
const MaxOrderSize = 1 << 20

// orderKind is that of the file, with the version of its meaning.
const orderKind = "order 1"

// Order is what earlier boots have taught of which unit needs which when it starts. It
// gives way: whatever is in it costs bounded time.
type Order struct {
	Machine string                   `json:"machine,omitempty"` // the kind of the machine on which durations were measured; "": of no one
	After   []Learned                `json:"after"`             // by Unit and On
	Uses    []Use                    `json:"uses,omitempty"`    // by Unit and On
	Width   int                      `json:"width,omitempty"`   // how many units start at a time; 0: any number
	Delay   map[string]time.Duration `json:"delay,omitempty"`   // by unit: how long its start is held back, in training only
	Marks   map[string][]Mark        `json:"marks,omitempty"`   // by unit: what is there once others can use it
	Ranks   map[string]time.Duration `json:"ranks,omitempty"`   // by unit: how long it takes from its start until all is up that needs it

	Critical []string `json:"critical,omitempty"` // units whose starts take as long as the boot, one after another: they are favoured until they are ready
}

// On is the order for a kind of machine: on another one than that of o nothing is known
// of durations.
func (o *Order) On(machine string) *Order {
	if o.Machine == machine {
		return o
	}
	other := *o
	other.Machine, other.Width, other.Ranks, other.Critical, other.After = machine, 0, nil, nil, nil
	for _, e := range o.After {
		e.Limit = SoftFor(0)
		other.After = append(other.After, e)
	}
	return &other
}

// Learned is an edge of an Order: Unit starts after On, but waits for it no longer
// than Limit.
type Learned struct {
	Unit  string        `json:"unit"`
	On    string        `json:"on"`
	Limit time.Duration `json:"limit"`
}

// Use is an edge of an Order that starts do not wait for: Unit uses On when it runs.
type Use struct {
	Unit string `json:"unit"`
	On   string `json:"on"`
}

// Mark is a thing by which one sees that a unit is ready: a socket that it listens on,
// or a file that it makes. Kind and Name are those of dependency.use on the bus.
type Mark struct {
	Kind string  `json:"kind"` // unix, tcp, udp, file, fifo, device or mount
	Name string  `json:"name"`
	P    float64 `json:"p,omitempty"` // how sure it is that others need it to start, 0 to 1; 0: not known
}

// Bounds of an Order.
const (
	maxOrderEdges = 4096
	maxOrderUnits = 2048
	maxMarks      = 8
)

// Encode gives the bytes of a file.
func (o *Order) Encode() ([]byte, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write down the order: %w", err)
	}
	file := sealed.Seal(orderKind, body)
	if len(file) > MaxOrderSize {
		return nil, fmt.Errorf("the order has %d bytes, more than %d", len(file), MaxOrderSize)
	}
	return file, o.check()
}

// DecodeOrder reads what Encode gave.
func DecodeOrder(file []byte) (*Order, error) {
	if len(file) > MaxOrderSize {
		return nil, fmt.Errorf("the order has more than %d bytes", MaxOrderSize)
	}
	body, err := sealed.Open(orderKind, file)
	if err != nil {
		return nil, fmt.Errorf("the order: %w", err)
	}
	o := &Order{}
	if err := json.Unmarshal(body, o); err != nil {
		return nil, fmt.Errorf("the order: %w", err)
	}
	return o, o.check()
}

// check says what in an order cannot be taken.
func (o *Order) check() error {
	if len(o.After) > maxOrderEdges || len(o.Uses) > maxOrderEdges || len(o.Marks) > maxOrderUnits || len(o.Ranks) > maxOrderUnits || len(o.Critical) > maxOrderUnits || len(o.Delay) > maxOrderUnits || o.Width < 0 {
		return errors.New("the order has more units or edges than there is room for")
	}
	for _, e := range o.After {
		if e.Limit <= 0 || e.Limit > softMost {
			return fmt.Errorf("in the order %s waits %v for %s, not more than 0 and at most %v", e.Unit, e.Limit, e.On, softMost)
		}
	}
	for unit, delay := range o.Delay {
		if delay < 0 || delay > softMost {
			return fmt.Errorf("in the order %s is held back for %v, not 0 to %v", unit, delay, softMost)
		}
	}
	for unit, marks := range o.Marks {
		if len(marks) > maxMarks {
			return fmt.Errorf("in the order %s has %d marks, more than %d", unit, len(marks), maxMarks)
		}
	}
	return nil
}
