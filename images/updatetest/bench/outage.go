package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"clarityos/images"
	"clarityos/qemu"
)

const (
	// every is how often redis is asked, and patience how long it may take to answer.
	every    = 50 * time.Millisecond
	patience = time.Second
	// gap is from when on it is said not to answer.
	gap = 500 * time.Millisecond
)

// outages has machines restart, restart into a release that is good, and into one that is not.
func outages(ctx context.Context, img *images.Image, disk string, rounds int) error {
	restarts := []struct{ what, script, end string }{
		{what: "a restart", script: "true", end: "true"},
		{"an update, staged before", "clarityctl update install --version 1.1.0", "clarityctl update history | grep -q 'good      1.1.0'"},
		{"an update that fails, and the return to the old system", "clarityctl update install --version 1.3.0", "clarityctl update history | grep -q 'left      1.3.0'"},
	}
	took := make([][]float64, len(restarts))
	for range rounds {
		copied, err := clone(ctx, disk)
		if err != nil {
			return err
		}
		m, err := up(ctx, qemu.Config{Image: img, BootDisk: copied, Accel: qemu.TCG, NoReboot: true, AnyPorts: true, Flushless: true})
		if err != nil {
			return err
		}
		for i, r := range restarts {
			t, err := outage(ctx, m, r.script, r.end)
			if err != nil {
				return errors.Join(fmt.Errorf("%s: %w", r.what, err), m.Close())
			}
			fmt.Fprintf(os.Stderr, "%s: %v\n", r.what, t.Round(time.Millisecond))
			took[i] = append(took[i], t.Seconds())
		}
		if err := m.Close(); err != nil {
			return err
		}
	}
	fmt.Printf("redis does not answer, %d machines with UEFI, two processors, the clock of this one\n", rounds)
	plain := 0.0
	for i, r := range restarts {
		m := row(r.what, took[i], "s ")
		if i == 0 {
			plain = m
		}
		fmt.Printf("  %.2fx\n", m/plain)
	}
	return nil
}

// outage prepares a machine by a script, restarts it, and again when it does that itself, until
// another script succeeds, and gives how long redis did not answer meanwhile.
func outage(ctx context.Context, m *qemu.Machine, prepare, end string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if res, err := m.Shell(ctx, prepare); err != nil || !res.OK() {
		return 0, fmt.Errorf("%s: %v, %v: %s%s", prepare, err, res, res.Stdout, res.Stderr)
	}
	w := watch(m.Address(port))
	defer w.end()
	if err := m.Await(ctx, limit, w.answers()); err != nil {
		return 0, err
	}
	if _, err := m.Shell(ctx, "clarityctl reboot"); err != nil && ctx.Err() != nil {
		return 0, err // without an answer it is under way
	}
	if err := m.Await(ctx, limit, m.PoweredOff()); err != nil {
		return 0, err
	}
	for {
		if !m.Running() {
			if err := errors.Join(m.Ending(), m.PowerOn()); err != nil {
				return 0, err
			}
		}
		err := m.Await(ctx, limit, m.Succeeds("clarityctl wait --timeout 300s && "+end))
		if err == nil {
			break
		}
		if !errors.Is(err, qemu.ErrOff) {
			return 0, err
		}
	}
	if err := m.Await(ctx, limit, w.answers()); err != nil {
		return 0, err
	}
	return w.silent(), nil
}

// port is redis's.
const port = 6379

// watcher asks redis again and again.
type watcher struct {
	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	answered []time.Time // when was asked what was answered
}

func watch(address string) *watcher {
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{stop: stop}
	w.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				w.done.Go(func() {
					if ask(ctx, address) == nil {
						w.mu.Lock()
						w.answered = append(w.answered, now)
						w.mu.Unlock()
					}
				})
			}
		}
	})
	return w
}

// ask asks redis, once.
func ask(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return err
	}
	answer := make([]byte, len("+PONG"))
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	if string(answer) != "+PONG" {
		return fmt.Errorf("redis says %q", answer)
	}
	return nil
}

func (w *watcher) end() {
	w.stop()
	w.done.Wait()
}

// silent is for how long nothing was answered, between the first answer and the last one.
func (w *watcher) silent() (sum time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.answered, time.Time.Compare)
	for i := 1; i < len(w.answered); i++ {
		if d := w.answered[i].Sub(w.answered[i-1]); d > gap {
			sum += d
		}
	}
	return sum
}

// answers holds once redis answers what it is asked from now on.
func (w *watcher) answers() qemu.Condition { return answers{w, time.Now()} }

type answers struct {
	w     *watcher
	since time.Time
}

func (answers) String() string { return "redis to answer" }

func (a answers) Wait(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		a.w.mu.Lock()
		has := slices.ContainsFunc(a.w.answered, func(t time.Time) bool { return t.After(a.since) })
		a.w.mu.Unlock()
		if has {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
