package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"clarityos/images"
	"clarityos/qemu"
)

const (
	// pace is between two requests, and alone for how long there are some without an update.
	pace  = 5 * time.Millisecond
	alone = 20 * time.Second
)

// latency asks redis at a steady pace, while its machine, which has one processor, takes a release and
// while it does not.
func latency(ctx context.Context, img *images.Image, disk string, rounds int) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	copied, err := clone(ctx, disk)
	if err != nil {
		return err
	}
	m, err := up(ctx, qemu.Config{Image: img, BootDisk: copied, CPUs: 1, Accel: qemu.TCG, Flushless: true, NoReboot: true, AnyPorts: true})
	if err != nil {
		return err
	}
	defer m.Close()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", m.Address(port))
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	const half, most = 0.5, 0.99
	without, during := map[float64][]float64{}, map[float64][]float64{}
	var updates []float64
	for n := range rounds {
		version := releases[1+n%2]
		took, err := answerTimes(c, time.After(alone))
		if err != nil {
			return err
		}
		for _, q := range []float64{half, most} {
			without[q] = append(without[q], quantile(took, q))
		}
		ended, said, began := make(chan time.Time), error(nil), time.Now()
		go func() {
			defer close(ended)
			res, err := m.Shell(ctx, "clarityctl update install --version "+version)
			if said = err; err == nil && !res.OK() {
				said = fmt.Errorf("%v: %s%s", res, res.Stdout, res.Stderr)
			}
		}()
		took, err = answerTimes(c, ended)
		if err != nil {
			return err
		}
		if said != nil {
			return said
		}
		updates = append(updates, time.Since(began).Seconds())
		for _, q := range []float64{half, most} {
			during[q] = append(during[q], quantile(took, q))
		}
		if res, err := m.Shell(ctx, "clarityctl update cancel"); err != nil || !res.OK() {
			return fmt.Errorf("cancel: %v, %v: %s%s", err, res, res.Stdout, res.Stderr)
		}
	}
	fmt.Printf("redis, a request each %v, during an update and for %v without; one processor\n", pace, alone)
	row("the update takes", updates, "s ")
	fmt.Println()
	for _, q := range []struct {
		name string
		at   float64
	}{{"half of the answers", half}, {"99 of 100 answers", most}} {
		before := row(q.name+" without an update within", without[q.at], "ms")
		fmt.Println()
		fmt.Printf("  %.2fx\n", row(q.name+" during an update within", during[q.at], "ms")/before)
	}
	return nil
}

// answerTimes asks redis at the pace until it is to end, and gives how long each answer took, in ms.
func answerTimes(c net.Conn, end <-chan time.Time) (took []float64, err error) {
	answers := bufio.NewReader(c)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return took, nil
		case <-tick.C:
		}
		asked := time.Now()
		if _, err := io.WriteString(c, "INCR asked\r\n"); err != nil {
			return nil, err
		}
		if line, err := answers.ReadString('\n'); err != nil || line[0] != ':' {
			return nil, fmt.Errorf("redis says %q: %v", line, err)
		}
		took = append(took, time.Since(asked).Seconds()*1e3)
	}
}

// quantile is the value that a share of the values is not above.
func quantile(values []float64, share float64) float64 {
	slices.Sort(values)
	return values[int(share*float64(len(values)-1))]
}
