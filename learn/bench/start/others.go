package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// others boots the workload with other inits that are told everything, on the same clock and
// kernel, and gives for each how many seconds the boots took from the begin of PID 1 until
// all services were ready. Their images have nothing else to start.
func others(ctx context.Context, dir string, rounds int, workload string, seed uint64) (map[string][]float64, error) {
	file := filepath.Join(dir, "others.json")
	c := exec.CommandContext(ctx, "go", "run", "./qemu/bench", "-inits", "systemd,oracle,clarityos", "-workloads", workload, "-variants", "declared",
		"-kills", "0", "-orphans", "0", "-reps", strconv.Itoa(rounds), "-seed", strconv.FormatUint(seed, 10), "-out", file)
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("other inits: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var results struct {
		Runs []struct {
			Init   string
			Values struct {
				Ready float64 `json:"init_to_all_ready_s"`
			}
		}
	}
	if err := json.Unmarshal(text, &results); err != nil {
		return nil, fmt.Errorf("other inits: %w", err)
	}
	took := map[string][]float64{}
	for _, r := range results.Runs {
		if r.Values.Ready == 0 {
			return nil, fmt.Errorf("a boot with %s did not say when all was ready", r.Init)
		}
		took[r.Init] = append(took[r.Init], r.Values.Ready)
	}
	return took, nil
}
