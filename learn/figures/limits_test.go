package figures

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/learn/predict"
)

const procLimits = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max open files            4                    524288               files
`

func TestReadings(t *testing.T) {
	const unit, group = "a.service", "system.slice/a.service"
	machine := map[string]string{"meminfo": "MemTotal:  900 kB\nMemAvailable:     100 kB\n", "loadavg": "0.00 0.01 0.05 1/90 4711\n", "sys/kernel/threads-max": "1000\n", "sys/kernel/pid_max": "4194304\n"}
	memory := map[string]string{group + "/memory.current": "50000\n", group + "/memory.stat": "anon 1\ninactive_file 6000\nactive_file 3000\nslab_reclaimable 1000\nshmem 7\n"}
	for name, c := range map[string]struct {
		cgroups []map[string]string
		proc    []map[string]string
		want    []predict.Reading
	}{
		"memory by its own limit": {[]map[string]string{memory, {group + "/memory.max": "60000\n", group + "/memory.high": "max\n", "system.slice/memory.max": "max\n"}}, []map[string]string{machine},
			[]predict.Reading{{Kind: predict.Memory, Value: 40000, Limit: 60000, Of: "MemoryMax= of a.service"}}},
		"memory by the slice's, which others use too": {[]map[string]string{memory, {group + "/memory.max": "90000\n", "system.slice/memory.current": "70000\n", "system.slice/memory.high": "75000\n"}}, []map[string]string{machine},
			[]predict.Reading{{Kind: predict.Memory, Value: 40000, Limit: 45000, Of: "MemoryHigh= of system.slice"}}},
		"memory by the machine": {[]map[string]string{memory}, []map[string]string{machine},
			[]predict.Reading{{Kind: predict.Memory, Value: 40000, Limit: 40000 + 102400, Of: "what the machine has"}}},
		"memory without its controller": {[]map[string]string{{group + "/cgroup.procs": "7\n"}}, []map[string]string{machine, {"7/statm": "900 30 20 1 0 50 0\n"}},
			[]predict.Reading{{Kind: predict.Memory, Value: 30 * 4096, Limit: 30*4096 + 102400, Of: "what the machine has"}}},
		"tasks by its own limit": {[]map[string]string{{group + "/pids.current": "12\n", group + "/pids.max": "100\n", "system.slice/pids.max": "max\n"}}, []map[string]string{machine},
			[]predict.Reading{{Kind: predict.Tasks, Value: 12, Limit: 100, Of: "TasksMax= of a.service"}}},
		"tasks by the machine": {[]map[string]string{{group + "/pids.current": "12\n", group + "/pids.max": "max\n"}}, []map[string]string{machine},
			[]predict.Reading{{Kind: predict.Tasks, Value: 12, Limit: 12 + 910, Of: "kernel.threads-max"}}},
		"descriptors of the process that is nearest to its limit": {[]map[string]string{{group + "/cgroup.procs": "7\n8\n9\n"}},
			[]map[string]string{{"7/limits": procLimits, "7/fd/0": "", "7/fd/1": "", "7/fd/2": "", "8/limits": strings.Replace(procLimits, "4 ", "90", 1), "8/fd/0": "", "8/fd/1": "", "8/fd/2": "", "8/fd/3": ""}},
			[]predict.Reading{{Kind: predict.Descriptors, Value: 3, Limit: 4, Of: "LimitNOFILE= of a.service"}}},
		"descriptors without a limit": {[]map[string]string{{group + "/cgroup.procs": "7\n"}}, []map[string]string{{"7/limits": "Max open files   unlimited  unlimited files\n", "7/fd/0": ""}}, nil},
		"files that make no sense":    {[]map[string]string{{group + "/memory.current": "x\n", group + "/pids.current": "\n", group + "/cgroup.procs": "7\n"}}, []map[string]string{{"7/limits": "Max open files\n", "meminfo": "MemAvailable: kB\n"}}, nil},
		"it is gone":                  {nil, []map[string]string{machine}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			all := func(of []map[string]string) map[string]string {
				out := map[string]string{}
				for _, m := range of {
					for k, v := range m {
						out[k] = v
					}
				}
				return out
			}
			got := Reader{Cgroups: files(all(c.cgroups)), Proc: files(all(c.proc)), PageSize: 4096}.Readings(group, unit)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
