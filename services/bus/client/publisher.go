package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"clarityos/services/bus"
	"clarityos/services/varlink/client"
)

// Publisher publishes without ever waiting: what the bus has not taken yet waits
// in a bounded queue, in which newer states take the place of older ones and the
// least urgent messages are dropped first. Make it with NewPublisher.
type Publisher struct {
	path    string
	trouble func(error)
	woken   chan struct{}

	mu      sync.Mutex
	queue   bus.Queue
	pending []bus.Message // on their way; the bus may have taken them, or not
	refused uint64
}

// NewPublisher makes a publisher to the bus at path; Run sends. Trouble, which
// may be nil, is told of what cannot be published.
func NewPublisher(path string, trouble func(error)) *Publisher {
	return &Publisher{path: path, trouble: trouble, woken: make(chan struct{}, 1)}
}

// Publish queues a message.
func (p *Publisher) Publish(b bus.Body) {
	m, err := bus.New(b)
	if err != nil { // a number that is none
		p.tell(err)
		return
	}
	p.Send(m)
}

// Withdraw queues the message that the subject of a body is no more.
func (p *Publisher) Withdraw(b bus.Body) { p.Send(bus.Withdraw(b)) }

// Send queues any message.
func (p *Publisher) Send(m bus.Message) {
	p.mu.Lock()
	p.queue.Push(m)
	p.mu.Unlock()
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// Lost gives what was folded or dropped, and how many the bus refused, since it
// was asked for last.
func (p *Publisher) Lost() (l bus.Losses, refused uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, refused, p.refused = p.queue.Lost(), p.refused, 0
	return l, refused
}

// Queued is how many messages the bus has not taken.
func (p *Publisher) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.Len() + len(p.pending)
}

// drainedEvery is how often Drain looks.
const drainedEvery = 5 * time.Millisecond

// Drain waits until the bus has taken all that was published before, for programs that end
// then. The error says how much it has not when ctx ends.
func (p *Publisher) Drain(ctx context.Context) error {
	for {
		n := p.Queued()
		if n == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the bus has not taken %d messages: %w", n, ctx.Err())
		case <-time.After(drainedEvery):
		}
	}
}

func (p *Publisher) tell(err error) {
	if p.trouble != nil {
		p.trouble(err)
	}
}

// Run sends what is queued until ctx ends.
func (p *Publisher) Run(ctx context.Context) {
	lasting(ctx, p.tell, func(well func()) error {
		conn, err := Dial(ctx, p.path)
		if err != nil {
			return err
		}
		defer conn.Close()
		for {
			batch := p.batch()
			if len(batch) == 0 {
				select {
				case <-ctx.Done():
					return nil
				case <-p.woken:
				}
				continue
			}
			taken := len(batch)
			err := conn.Call(ctx, "Publish", bus.PublishArgs{Messages: batch}, nil)
			var e *client.Error
			refused := errors.As(err, &e) && e.Name == bus.ErrRefused
			switch {
			case refused:
				taken = refusedAt(e, len(batch))
				p.tell(err)
			case err != nil:
				return err
			}
			well()
			p.settle(taken, refused)
		}
	})
}

// batch gives what is to be sent next: what was on its way, or the next of the
// queue.
func (p *Publisher) batch() []bus.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := 0
	for len(p.pending) == 0 || len(p.pending) < bus.MaxBatch && size < bus.MaxRequest/2 {
		m, ok := p.queue.Pop()
		if !ok {
			break
		}
		size += len(m.Body)
		p.pending = append(p.pending, m)
	}
	return p.pending
}

// settle ends the first n of what was on its way and, when the next one was
// refused, that one too.
func (p *Publisher) settle(n int, refused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if refused {
		n++
		p.refused++
	}
	p.pending = append([]bus.Message(nil), p.pending[min(n, len(p.pending)):]...)
}

// refusedAt is which message of a batch of n was refused.
func refusedAt(e *client.Error, n int) int {
	var r bus.Refusal
	if json.Unmarshal(e.Parameters, &r) != nil || r.Taken >= n {
		return n - 1
	}
	return r.Taken
}
