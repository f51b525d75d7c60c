package bus

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Config is what Run needs.
type Config struct {
	Socket string
	States string       // the store's file
	Say    func(string) // told what people should know
	// Beside runs beside the server, with the states of an earlier life, until
	// its context ends. Nil: nothing.
	Beside func(ctx context.Context, s *Server, kept []Message)
	// Ready is called when the socket is there. Nil: nobody wants to know.
	Ready func() error
}

// The process collects garbage seldom, since each time delays messages, and has a
// soft limit of several times what is in use.
const (
	gcPercent = 200
	memory    = 24 << 20
)

// Run is the bus, in a process that does nothing else. It returns when ctx ends.
func Run(ctx context.Context, c Config) error {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memory)
	store, states, bad, err := OpenStore(c.States)
	if err != nil {
		return err
	}
	defer store.Close()
	if bad > 0 {
		c.Say(fmt.Sprintf("%s ended in %d bytes that are no state: the last one was being written when the bus was killed", c.States, bad))
	}
	l, err := Listen(c.Socket)
	if err != nil {
		return err
	}
	s := NewServer(NewBroker(states, store))
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Beside != nil {
		beside.Go(func() { c.Beside(ctx, s, states) })
	}
	if c.Ready != nil {
		if err := c.Ready(); err != nil {
			return err
		}
	}
	return s.Serve(ctx, l)
}
