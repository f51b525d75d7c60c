package learntest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"clarityos/images"
	"clarityos/learn/profiles"
	"clarityos/learn/status"
	"clarityos/qemu"
)

// TestProfile restarts redis, kills the component, and damages what it stored.
func TestProfile(t *testing.T) {
	m := boot(t, images.Override{}, "")
	m.Run("a start is in the profile", func(m machine) {
		m.says("clarityctl profile redis-server", qemu.Has("redis-server.service: 1 runs, 0 of them", "start ", "  duration ", "  ready ", "steady ", "  resident "))
		m.says("clarityctl profile redis-server --svg", qemu.Has("<svg ", "start duration: median", "</svg>"))
		m.profiled("start and what it uses in windows", func(all map[profiles.Phase]status.ProfileReply) error {
			start, steady := measures(all[profiles.Start]), measures(all[profiles.Steady])
			if d := start[profiles.Duration].Last; d <= 0 || d > 60 {
				return fmt.Errorf("it started in %v s", d)
			}
			if r := steady[profiles.Resident].Last; r < 1<<20 || r > 256<<20 {
				return fmt.Errorf("it has %v bytes", r)
			}
			return nil
		})
	})
	m.Run("restarts are counted", func(m machine) {
		for range 4 {
			m.MustShell(limit, "clarityctl restart redis-server")
		}
		m.runs(5)
		m.profiled("stops and their memory", func(all map[profiles.Phase]status.ProfileReply) error {
			start, stop := measures(all[profiles.Start]), measures(all[profiles.Stop])
			if start[profiles.Resident].Count < 4 || start[profiles.CPU].Last <= 0 || stop[profiles.Duration].Count < 4 {
				return fmt.Errorf("start %+v, stop %+v", start, stop)
			}
			return nil
		})
	})
	m.Run("what a start has that is killed is counted once", func(m machine) {
		m.MustShell(limit, "clarityctl kill -s KILL clarity-learn")
		m.says("clarityctl show clarity-learn -p NRestarts", qemu.Has("NRestarts=1"))
		// When the boot was complete one start was stored, and the latest is told again.
		m.runs(2)
		m.MustShell(limit, "clarityctl restart clarity-learn") // it stores when it is stopped
		m.runs(2)
	})
	m.Run("a flipped byte is told", func(m machine) {
		m.MustShell(limit, `clarityctl stop clarity-learn; f=/run/clarity/profiles
			printf '\377' | dd of=$f bs=1 seek=40 conv=notrunc; clarityctl start clarity-learn`)
		m.says("clarityctl profile redis-server 2>&1", qemu.Has("/run/clarity/profiles: the profiles are damaged", "set aside as /run/clarity/profiles.bad", "1 runs"))
		m.says("clarityctl logs --unit clarity-learn", qemu.Has("set aside as"))
		m.MustShell(limit, "test -e /run/clarity/profiles.bad")
	})
	m.isSmall()
}

func (m machine) runs(want int) {
	m.Helper()
	m.profiled(fmt.Sprintf("%d runs", want), func(all map[profiles.Phase]status.ProfileReply) error {
		if got := all[profiles.Start].Runs; int(got) != want {
			return fmt.Errorf("%d runs", got)
		}
		return nil
	})
}

// profiled waits until redis's profile is right.
func (m machine) profiled(what string, check func(map[profiles.Phase]status.ProfileReply) error) {
	m.Helper()
	m.Must(limit, qemu.Eventually(what, func(ctx context.Context) error {
		res, err := m.Shell(ctx, "clarityctl profile redis-server --json")
		if err != nil {
			return err
		}
		var list []status.ProfileReply
		if err := json.NewDecoder(strings.NewReader(string(res.Stdout))).Decode(&list); err != nil {
			return err
		}
		all := map[profiles.Phase]status.ProfileReply{}
		for _, r := range list {
			all[r.Phase] = r
		}
		return check(all)
	}))
}

func measures(r status.ProfileReply) map[profiles.Measure]status.MeasureView {
	out := map[profiles.Measure]status.MeasureView{}
	for _, m := range r.Measures {
		out[m.Measure] = m
	}
	return out
}
