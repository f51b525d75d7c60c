// Command bench measures how long a critical message takes from its publisher to
// a subscriber, natively: with nothing else on the bus, and while another process
// publishes 100,000 low ones a second to a subscriber of theirs. The two are
// measured in turns, so that what else the machine does meets both.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"clarityos/services/bus"
	"clarityos/services/bus/client"
	"clarityos/services/varlink"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench of the bus:", err)
		os.Exit(1)
	}
}

// role is what a process of this program does: serve, flood or, "", measure.
func run(ctx context.Context) error {
	role := flag.String("role", "", "what this process does; for the program itself")
	dir := flag.String("dir", "", "where the bus is; for the program itself")
	rounds := flag.Int("rounds", 5, "how often both are measured")
	span := flag.Duration("span", 3*time.Second, "how long a measurement takes")
	gap := flag.Duration("gap", 2*time.Millisecond, "between critical messages")
	flag.Parse()
	switch *role {
	case "serve":
		return bus.Run(ctx, bus.Config{Socket: filepath.Join(*dir, "bus"), States: filepath.Join(*dir, "states"), Say: func(string) {}})
	case "flood":
		return flood(filepath.Join(*dir, "bus"))
	case "drain":
		return drain(filepath.Join(*dir, "bus"))
	}
	tmp, err := os.MkdirTemp("", "clarity-bus-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	stop, err := start(tmp, "serve")
	if err != nil {
		return err
	}
	defer stop()
	path := filepath.Join(tmp, "bus")
	var idle, loaded []result
	for range *rounds {
		r, err := measure(ctx, path, *span, *gap)
		if err != nil {
			return err
		}
		idle = append(idle, r)
		if r, err = underLoad(ctx, tmp, *span, *gap); err != nil {
			return err
		}
		loaded = append(loaded, r)
	}
	fmt.Printf("critical messages, one each %v, from publisher to subscriber; medians of %d rounds of %v ± half of max-min\n", *gap, *rounds, *span)
	print := func(what string, all []result) {
		fmt.Printf("%-28s median %s  p99 %s  low messages a second %.0f\n", what, spread(all, func(r result) time.Duration { return r.median }),
			spread(all, func(r result) time.Duration { return r.p99 }), middle(all, func(r result) float64 { return r.low }))
	}
	print("nothing else", idle)
	print("100,000 low ones a second", loaded)
	p99 := func(r result) float64 { return float64(r.p99) }
	fmt.Printf("p99 under load against idle: %.2f (wanted: 3)\n", middle(loaded, p99)/middle(idle, p99))
	return nil
}

// start runs this program in another role, and gives what ends it.
func start(dir, role string) (stop func(), err error) {
	cmd := exec.Command("/proc/self/exe", "-role", role, "-dir", dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}, nil
}

// lowEachSecond is the load.
const lowEachSecond = 100_000

// flood publishes low messages as evenly as batches allow, with as little work of
// its own as can be.
func flood(path string) error {
	var a bus.PublishArgs
	for i := range bus.MaxBatch {
		m, err := bus.New(&bus.ResourceUsage{Unit: fmt.Sprintf("unit%d.service", i), CPU: time.Second, Memory: 1 << 20})
		if err != nil {
			return err
		}
		a.Messages = append(a.Messages, m)
	}
	conn, call, err := raw(path, "Publish", varlink.Call{Oneway: true}, a)
	if err != nil {
		return err
	}
	began := time.Now()
	for sent := 0; ; sent += bus.MaxBatch {
		time.Sleep(time.Until(began.Add(time.Duration(sent) * time.Second / lowEachSecond)))
		if _, err := conn.Write(call); err != nil {
			return err
		}
	}
}

// drain subscribes to the load and reads it, no more.
func drain(path string) error {
	conn, call, err := raw(path, "Subscribe", varlink.Call{More: true}, bus.Interest{Topics: []bus.Pattern{"resource.*"}})
	if err == nil {
		_, err = conn.Write(call)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, conn)
	}
	return err
}

// raw connects, and gives a call as bytes.
func raw(path, method string, call varlink.Call, args any) (net.Conn, []byte, error) {
	parameters, err := json.Marshal(args)
	if err != nil {
		return nil, nil, err
	}
	call.Method, call.Parameters = bus.Interface+"."+method, parameters
	b, err := varlink.Encode(call)
	if err != nil {
		return nil, nil, err
	}
	conn, err := net.Dial("unix", path)
	return conn, b, err
}

func underLoad(ctx context.Context, dir string, span, gap time.Duration) (result, error) {
	for _, role := range []string{"drain", "flood"} {
		stop, err := start(dir, role)
		if err != nil {
			return result{}, err
		}
		defer stop()
	}
	return measure(ctx, filepath.Join(dir, "bus"), span, gap)
}

type result struct {
	median, p99 time.Duration
	low         float64 // messages of the load that the bus took, a second
}

// measure publishes a critical message each gap, and takes the time until a
// subscriber has it. Nothing is left out: what is late is in its number.
func measure(ctx context.Context, path string, span, gap time.Duration) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, span+20*time.Second)
	defer cancel()
	done := errors.New("all of them")
	count := int(span / gap)
	var took []time.Duration
	ready, heard := make(chan struct{}), make(chan error, 1)
	began := time.Now()
	go func() {
		first := true
		heard <- client.Follow(ctx, path, bus.Interest{Topics: []bus.Pattern{"readiness.observed", "unit.state"}, News: true}, nil, func(d bus.Delivery) error {
			at := time.Since(began)
			if first {
				first = false
				close(ready)
			}
			for _, m := range d.Messages {
				var b bus.UnitState
				if err := json.Unmarshal(m.Body, &b); err != nil {
					return err
				}
				took = append(took, at-b.Since)
			}
			if len(took) >= count {
				return done
			}
			return nil
		})
	}()
	select {
	case <-ready:
	case <-ctx.Done():
		return r, ctx.Err()
	}
	before, err := lowTaken(ctx, path)
	if err != nil {
		return r, err
	}
	from := time.Now()
	conn, err := client.Dial(ctx, path)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	for n := range count {
		time.Sleep(time.Until(from.Add(time.Duration(n) * gap)))
		m, err := bus.New(&bus.UnitState{Unit: fmt.Sprintf("unit%d.service", n%1000), Active: "active", Phase: "running", Since: time.Since(began)})
		if err != nil {
			return r, err
		}
		if err := conn.Call(ctx, "Publish", bus.PublishArgs{Messages: []bus.Message{m}}, nil); err != nil {
			return r, err
		}
	}
	after, err := lowTaken(ctx, path)
	if err != nil {
		return r, err
	}
	r.low = float64(after-before) / time.Since(from).Seconds()
	if err := <-heard; err != done {
		return r, fmt.Errorf("%d of %d critical messages came: %w", len(took), count, err)
	}
	slices.Sort(took)
	r.median, r.p99 = took[len(took)/2], took[len(took)*99/100]
	return r, nil
}

func lowTaken(ctx context.Context, path string) (uint64, error) {
	var st bus.Stats
	err := client.Call(ctx, path, "Stats", nil, &st)
	return st.Published[bus.Low], err
}

func middle(all []result, of func(result) float64) float64 {
	var v []float64
	for _, r := range all {
		v = append(v, of(r))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func spread(all []result, of func(result) time.Duration) string {
	v := func(r result) float64 { return float64(of(r)) / float64(time.Microsecond) }
	low, high := v(all[0]), v(all[0])
	for _, r := range all {
		low, high = min(low, v(r)), max(high, v(r))
	}
	return fmt.Sprintf("%.0f ± %.0f µs", middle(all, v), (high-low)/2)
}
