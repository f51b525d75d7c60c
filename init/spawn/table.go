package spawn

import "sync"

// Status is how a process ended.
type Status struct {
	Code, Signal int
	Core         bool
}

// Table maps pids to what they are to PID 1: a token, which it does not
// interpret. A child may end, and be reaped, before the loop hears of the fork
// that made it; until it does, ends of unknown pids are kept.
type Table struct {
	mu     sync.Mutex
	tokens map[int]uint64
	forks  int
	early  map[int]Status
}

// NewTable gives an empty table.
func NewTable() *Table { return &Table{tokens: map[int]uint64{}, early: map[int]Status{}} }

// begin tells that a fork is under way.
func (t *Table) begin() {
	t.mu.Lock()
	t.forks++
	t.mu.Unlock()
}

// Forked tells its outcome: the pid, or 0. When that child has ended already its
// status is given, and the pid is not registered. The loop calls it, so that it
// never hears of an end before it knows the process.
func (t *Table) Forked(pid int, token uint64) (Status, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forks--
	st, ended := t.early[pid]
	delete(t.early, pid)
	if t.forks == 0 {
		clear(t.early)
	}
	if pid > 0 && !ended {
		t.tokens[pid] = token
	}
	return st, ended
}

// Adopt registers a process that PID 1 did not fork, such as the main process
// of a forking service.
func (t *Table) Adopt(pid int, token uint64) {
	t.mu.Lock()
	t.tokens[pid] = token
	t.mu.Unlock()
}

// Ended takes the end of a pid. ok is false when nobody knows the pid, or not
// yet.
func (t *Table) Ended(pid int, st Status) (token uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, ok = t.tokens[pid]
	delete(t.tokens, pid)
	if !ok && t.forks > 0 {
		t.early[pid] = st
	}
	return token, ok
}

// PID finds the process of a token; 0 when there is none.
func (t *Table) PID(token uint64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for pid, tok := range t.tokens {
		if tok == token {
			return pid
		}
	}
	return 0
}
