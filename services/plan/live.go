package plan

// LiveFiles are the files of a cgroup that may be set while its unit runs.
var LiveFiles = map[string]bool{
	"memory.min": true, "memory.low": true, "memory.high": true, "memory.max": true,
	"memory.swap.max": true, "memory.zswap.max": true, "pids.max": true,
	"cpu.weight": true, "cpu.max": true, "cpu.idle": true, "cpuset.cpus": true, "cpuset.mems": true,
	"io.weight": true, "io.max": true, "io.latency": true,
}
