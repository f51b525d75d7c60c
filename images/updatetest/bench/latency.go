package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"

	"clarityos/images"
	"clarityos/qemu"
)

// load is what runs in the guest: redis-benchmark by itself, and again and again while a release is
// taken. It prints a word, and what redis-benchmark says; the machine is at work all the time, and so
// its clock does not jump to where something would be waited for in vain.
const load = `
measure() { redis-benchmark -c 4 -n 5000 -t get --csv | tail -n 1 | while read line; do echo "$1,$line"; done; }
measure warm >/dev/null
for i in 1 2 3 4 5 6; do measure without; date >/dev/console; done
clarityctl update install --version %s >/run/said 2>&1 &
updater=$!
while kill -0 $updater 2>/dev/null; do measure during; clarityctl update status >/dev/console; done
cat /run/said >&2
clarityctl update cancel >&2
`

// latency has a machine take releases while redis is at work.
func latency(ctx context.Context, img *images.Image, disk string, rounds int) error {
	copied, err := clone(ctx, disk)
	if err != nil {
		return err
	}
	m, err := up(ctx, qemu.Config{Image: img, BootDisk: copied, CPUs: 1, Accel: qemu.TCG, Flushless: true, NoReboot: true, AnyPorts: true, Echo: os.Stderr})
	if err != nil {
		return err
	}
	defer m.Close()
	p50, p99 := map[string][]float64{}, map[string][]float64{}
	for n := range rounds {
		version := releases[1+n%2]
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		res, err := m.Shell(ctx, fmt.Sprintf(load, version))
		if err != nil {
			return err
		}
		if !res.OK() || !strings.Contains(string(res.Stderr), version+" is in slot b") {
			return fmt.Errorf("%v: %s%s", res, res.Stdout, res.Stderr)
		}
		lines, err := csv.NewReader(strings.NewReader(string(res.Stdout))).ReadAll()
		if err != nil {
			return err
		}
		lines = lines[:len(lines)-1] // in the last one the update ended
		for _, l := range lines {
			const median, slowest = 5, 7 // columns of redis-benchmark, after ours
			for at, to := range map[int]map[string][]float64{median: p50, slowest: p99} {
				v, err := strconv.ParseFloat(l[at], 64)
				if err != nil {
					return err
				}
				to[l[0]] = append(to[l[0]], v)
			}
		}
		if len(p99["during"]) == 0 {
			return fmt.Errorf("the update was over before 20000 requests were: %s", res.Stdout)
		}
	}
	fmt.Printf("redis, 20000 requests from 4 clients, by itself and during %d updates; one processor, 1 ns for an instruction\n", rounds)
	for _, q := range []struct {
		name string
		of   map[string][]float64
	}{{"half of the answers within", p50}, {"99 of 100 answers within", p99}} {
		without := row(q.name+", without an update", q.of["without"], "ms")
		fmt.Println()
		during := row(q.name+", during one", q.of["during"], "ms")
		fmt.Printf("  %.2fx\n", during/without)
	}
	return nil
}
