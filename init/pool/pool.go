// Package pool runs what may take long or hang (forks, looks at files) away
// from PID 1's loop, in a fixed number of goroutines. The queue never blocks
// the one who adds to it; it is as long as the number of units, since a unit
// has at most a few things going on at once.
package pool

import (
	"sync"

	"clarityos/init/guard"
)

// Pool is a queue with workers. Use New.
type Pool struct {
	mu    sync.Mutex
	more  sync.Cond
	queue []func()
}

// New starts a pool of workers. It lives as long as the process.
func New(name string, workers int, report guard.Report) *Pool {
	p := &Pool{}
	p.more.L = &p.mu
	for range workers {
		guard.Go(name, report, p.work)
	}
	return p
}

// Add queues a task. Tasks start in the order in which they were added.
func (p *Pool) Add(task func()) {
	p.mu.Lock()
	p.queue = append(p.queue, task)
	p.mu.Unlock()
	p.more.Signal()
}

func (p *Pool) work() {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 {
			p.more.Wait()
		}
		task := p.queue[0]
		p.queue = p.queue[1:]
		if len(p.queue) == 0 {
			p.queue = nil
		}
		p.mu.Unlock()
		task()
	}
}
