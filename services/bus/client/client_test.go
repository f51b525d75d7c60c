package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
)

// limit bounds every wait of these tests.
const limit = 60 * time.Second

// TestMain makes this program a bus when it is told where.
func TestMain(m *testing.M) {
	dir := os.Getenv("TEST_BUS")
	if dir == "" {
		os.Exit(m.Run())
	}
	err := bus.Run(context.Background(), bus.Config{Socket: filepath.Join(dir, "bus"), States: filepath.Join(dir, "states"), Say: func(string) {}})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// begin starts a bus as a process of its own.
func begin(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env, cmd.Stderr = append(os.Environ(), "TEST_BUS="+dir), os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	return cmd
}

func end(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
}

// However often the bus is killed: the newest state of each unit arrives at a
// subscriber, and none after a newer one.
func TestKilled(t *testing.T) {
	const kills, units, states = 15, 20, 4000
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir := t.TempDir()
	path := filepath.Join(dir, "bus")
	b := begin(t, dir)
	p := client.NewPublisher(path, nil)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { p.Run(ctx) })

	var mu sync.Mutex
	newest, seq := map[string]int{}, map[string]uint64{}
	done := errors.New("all there")
	heard := make(chan error, 1)
	go func() {
		heard <- client.Follow(ctx, path, bus.Interest{Topics: []bus.Pattern{"unit.state"}}, nil, func(d bus.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			complete := len(newest) == units
			for _, m := range d.Messages {
				body, err := bus.Decode(m)
				if err != nil {
					return err
				}
				u := body.(*bus.UnitState)
				var n int
				if _, err := fmt.Sscan(u.Phase, &n); err != nil {
					return err
				}
				if n < newest[u.Unit] || m.Seq <= seq[u.Unit] {
					return fmt.Errorf("%s: %d (%d) came after %d (%d)", u.Unit, n, m.Seq, newest[u.Unit], seq[u.Unit])
				}
				newest[u.Unit], seq[u.Unit] = n, m.Seq
			}
			for _, n := range newest {
				complete = complete && n == states
			}
			if complete {
				return done
			}
			return nil
		})
	}()
	killed := make(chan struct{})
	all.Go(func() {
		for n := 1; n <= states; n++ {
			for u := range units {
				p.Publish(&bus.UnitState{Unit: fmt.Sprint(u), Phase: fmt.Sprint(n)})
			}
			if n%4 == 0 { // slowly, while it is killed
				select {
				case <-killed:
				case <-time.After(100 * time.Microsecond):
				}
			}
		}
	})
	for range kills {
		time.Sleep(time.Duration(5+rand.IntN(40)) * time.Millisecond) // in which it does anything at all
		end(b)
		b = begin(t, dir)
	}
	close(killed)
	if err := <-heard; err != done {
		mu.Lock()
		defer mu.Unlock()
		t.Errorf("%v; of %d states the newest that came: %v; not sent: %d", err, states, newest, p.Queued())
	}
	// What was answered for is there for who comes after yet another kill.
	end(b)
	begin(t, dir)
	late := map[string]string{}
	err := client.Follow(ctx, path, bus.Interest{}, nil, func(d bus.Delivery) error {
		for _, m := range d.Messages {
			body, err := bus.Decode(m)
			if err != nil {
				return err
			}
			late[body.(*bus.UnitState).Unit] = body.(*bus.UnitState).Phase
		}
		if len(late) == units {
			return done
		}
		return nil
	})
	for u := range units {
		if err != done || late[fmt.Sprint(u)] != fmt.Sprint(states) {
			t.Errorf("%v: unit %d came as %q", err, u, late[fmt.Sprint(u)])
		}
	}
	cancel()
}

// A publisher tells what was refused, and sends the rest.
func TestRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir := t.TempDir()
	begin(t, dir)
	path := filepath.Join(dir, "bus")
	var told []error
	p := client.NewPublisher(path, func(err error) { told = append(told, err) })
	for _, m := range []string{"local.a", "nothing", "local.b", "nothing.else", "local.c"} {
		p.Send(bus.Message{Topic: m, Body: []byte(`{}`)})
	}
	var running sync.WaitGroup
	run, stop := context.WithCancel(ctx)
	running.Go(func() { p.Run(run) })
	if err := p.Drain(ctx); err != nil {
		t.Error(err)
	}
	stop()
	running.Wait()
	p.Send(bus.Message{Topic: "local.d", Body: []byte(`{}`)})
	if err := p.Drain(run); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 messages") {
		t.Errorf("nobody sends, and it is drained: %v", err)
	}
	var st bus.Stats
	if err := client.Call(ctx, path, "Stats", nil, &st); err != nil {
		t.Fatal(err)
	}
	if _, refused := p.Lost(); refused != 2 || st.Published[bus.Normal] != 3 || st.Refused != 2 {
		t.Errorf("%d were refused, %+v", refused, st)
	}
	refusals := 0
	for _, err := range told {
		if refused := new(client.Error); errors.As(err, &refused) {
			refusals++
		}
	}
	if refusals != 2 {
		t.Errorf("told: %v", told)
	}
}

// Who attends answers again after the bus was killed, and who asks is told the
// errors of who attends.
func TestAsk(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir := t.TempDir()
	path := filepath.Join(dir, "bus")
	var attending sync.WaitGroup
	attending.Go(func() {
		client.Attend(ctx, path, []bus.Pattern{"local.**"}, nil, func(t bus.Task) (any, error) {
			if t.Topic == "local.fails" {
				return nil, errors.New("not today")
			}
			return map[string]string{"to": t.Topic}, nil
		})
	})
	defer attending.Wait()
	defer cancel()
	for range 3 {
		b := begin(t, dir)
		var got map[string]string
		err := client.Ask(ctx, path, "local.x", nil, &got, time.Second)
		for err != nil && ctx.Err() == nil { // until the bus is there, and who attends
			time.Sleep(time.Millisecond)
			err = client.Ask(ctx, path, "local.x", nil, &got, time.Second)
		}
		if err != nil || got["to"] != "local.x" {
			t.Fatal(got, err)
		}
		if err := client.Ask(ctx, path, "local.fails", nil, nil, time.Second); err == nil || err.Error() != "not today" {
			t.Errorf("the error that came is %v", err)
		}
		end(b)
	}
}
