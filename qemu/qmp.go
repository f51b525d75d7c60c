package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// qmp speaks QEMU's control protocol (docs/interop/qmp-spec.txt).
type qmp struct {
	conn    io.ReadWriteCloser
	event   func(qmpEvent)
	calls   sync.Mutex // one command at a time
	last    uint64     // its id
	answers chan qmpAnswer
	closed  chan struct{}
}

type qmpEvent struct {
	Name string `json:"event"`
	Data struct {
		Guest  bool   `json:"guest"`
		Reason string `json:"reason"`
		Action string `json:"action"`
	} `json:"data"`
}

type qmpAnswer struct {
	ID       uint64          `json:"id"` // 0 in the greeting
	Greeting json.RawMessage `json:"QMP"`
	Return   json.RawMessage `json:"return"`
	Error    *struct {
		Description string `json:"desc"`
	} `json:"error"`
}

var errQMPClosed = errors.New("QEMU has closed its control socket")

// newQMP begins to read; event is called for each event, by one goroutine.
func newQMP(conn io.ReadWriteCloser, event func(qmpEvent)) *qmp {
	q := &qmp{conn: conn, event: event, answers: make(chan qmpAnswer, 4), closed: make(chan struct{})}
	go q.receive()
	return q
}

func (q *qmp) receive() {
	defer close(q.closed)
	in := json.NewDecoder(q.conn)
	for {
		var raw json.RawMessage
		if in.Decode(&raw) != nil {
			return
		}
		var e qmpEvent
		if json.Unmarshal(raw, &e) == nil && e.Name != "" {
			q.event(e)
			continue
		}
		var a qmpAnswer
		if json.Unmarshal(raw, &a) != nil {
			return
		}
		select {
		case q.answers <- a:
		default: // nobody asked that much: a caller gave up
		}
	}
}

// greet waits for the greeting and leaves negotiation mode.
func (q *qmp) greet(ctx context.Context) error {
	if _, err := q.answer(ctx, 0, "greeting"); err != nil {
		return err
	}
	_, err := q.run(ctx, "qmp_capabilities", nil)
	return err
}

// run carries out one command.
func (q *qmp) run(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	q.calls.Lock()
	defer q.calls.Unlock()
	q.last++
	text, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        uint64 `json:"id"`
	}{command, arguments, q.last})
	if err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	if _, err := q.conn.Write(append(text, '\n')); err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	return q.answer(ctx, q.last, command)
}

// answer waits for the answer to id and skips those that a caller gave up.
func (q *qmp) answer(ctx context.Context, id uint64, to string) (json.RawMessage, error) {
	for {
		select {
		case a := <-q.answers:
			if a.ID != id {
				continue
			}
			if a.Error != nil {
				return nil, fmt.Errorf("QMP %s: %s", to, a.Error.Description)
			}
			return a.Return, nil
		case <-q.closed:
			return nil, fmt.Errorf("QMP %s: %w", to, errQMPClosed)
		case <-ctx.Done():
			return nil, fmt.Errorf("QMP %s: no answer: %w", to, ctx.Err())
		}
	}
}
