package compile

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"clarityos/services/plan"
	"clarityos/services/unit"
)

// cgroup gives the list that a directive of systemd.resource-control(5) adds
// to: of a service or of a slice.
func (b *builder) cgroup() *[]plan.Setting {
	if b.u.Slice != nil {
		return &b.u.Slice.Cgroup
	}
	return &b.s.Process.Cgroup
}

// set replaces what was said about a file. Files of one line for each device
// keep one setting for each of these.
func (b *builder) set(file, value string) {
	list := b.cgroup()
	device, _, _ := strings.Cut(value, " ")
	*list = slices.DeleteFunc(*list, func(s plan.Setting) bool {
		return s.File == file && (!path.IsAbs(device) || strings.HasPrefix(s.Value, value[:strings.LastIndexByte(value, '=')+1]))
	})
	*list = append(*list, plan.Setting{File: file, Value: value})
}

func (b *builder) unset(file string) {
	list := b.cgroup()
	*list = slices.DeleteFunc(*list, func(s plan.Setting) bool { return s.File == file })
}

// cgroupSetters are the directives that become files of a cgroup; they stand in
// [Service] and [Slice] alike. What only the running machine knows (a share of
// its memory, the number of a device) stays in the value: see init/cgroup.
var cgroupSetters = map[string]setter{
	"CPUWeight":           weight("cpu.weight", 10000),
	"IOWeight":            weight("io.weight", 10000),
	"CPUQuota":            cpuQuota,
	"CPUQuotaPeriodSec":   cpuPeriod,
	"AllowedCPUs":         cpuSet("cpuset.cpus"),
	"AllowedMemoryNodes":  cpuSet("cpuset.mems"),
	"MemoryMin":           amount("memory.min"),
	"MemoryLow":           amount("memory.low"),
	"MemoryHigh":          amount("memory.high"),
	"MemoryMax":           amount("memory.max"),
	"MemorySwapMax":       amount("memory.swap.max"),
	"MemoryZSwapMax":      amount("memory.zswap.max"),
	"TasksMax":            amount("pids.max"),
	"IODeviceWeight":      perDevice("io.weight", ""),
	"IOReadBandwidthMax":  perDevice("io.max", "rbps="),
	"IOWriteBandwidthMax": perDevice("io.max", "wbps="),
	"IOReadIOPSMax":       perDevice("io.max", "riops="),
	"IOWriteIOPSMax":      perDevice("io.max", "wiops="),
	"IODeviceLatencyTargetSec": func(b *builder, d unit.Directive) error {
		device, value, ok := strings.Cut(d.Value, " ")
		t, err := unit.Duration(strings.TrimSpace(value))
		if !ok || !path.IsAbs(device) || err != nil {
			return fmt.Errorf("%q is no device and time span, such as /dev/vda 25ms", d.Value)
		}
		b.set("io.latency", fmt.Sprintf("%s target=%d", device, t.Microseconds()))
		return nil
	},
	// The files that these switch on are there for every unit.
	"CPUAccounting": boolean, "MemoryAccounting": boolean, "TasksAccounting": boolean,
	"IOAccounting": func(b *builder, d unit.Directive) error {
		on, err := unit.Bool(d.Value)
		if on && !slices.ContainsFunc(*b.cgroup(), func(s plan.Setting) bool { return strings.HasPrefix(s.File, "io.") }) {
			b.set("io.weight", "default 100")
		}
		return err
	},
}

// boolean checks a truth value that changes nothing.
func boolean(_ *builder, d unit.Directive) error {
	_, err := unit.Bool(d.Value)
	return err
}

func weight(file string, most uint64) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			b.unset(file)
			return nil
		}
		if d.Value == "idle" && file == "cpu.weight" {
			b.set("cpu.idle", "1")
			return nil
		}
		n, err := strconv.ParseUint(d.Value, 10, 64)
		if err != nil || n < 1 || n > most {
			return fmt.Errorf("%q is no weight from 1 to %d", d.Value, most)
		}
		value := d.Value
		if file == "io.weight" {
			value = "default " + value
		}
		b.set(file, value)
		return nil
	}
}

// amount is a size, a number or "infinity", or a share in percent of what the
// machine has.
func amount(file string) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			b.unset(file)
			return nil
		}
		if share, ok := strings.CutSuffix(d.Value, "%"); ok {
			if p, err := strconv.ParseFloat(share, 64); err != nil || p < 0 || p > 100 {
				return fmt.Errorf("%q is no share from 0%% to 100%%", d.Value)
			}
			b.set(file, d.Value)
			return nil
		}
		n, err := unit.Size(d.Value)
		if err != nil {
			return err
		}
		value := strconv.FormatUint(n, 10)
		if n == ^uint64(0) {
			value = "max"
		}
		b.set(file, value)
		return nil
	}
}

// defaultPeriod of cpu.max, in µs, is the kernel's.
const defaultPeriod = 100000

func cpuQuota(b *builder, d unit.Directive) error {
	if d.Value == "" {
		b.quota = 0
		b.unset("cpu.max")
		return nil
	}
	share, ok := strings.CutSuffix(d.Value, "%")
	p, err := strconv.ParseFloat(share, 64)
	if !ok || err != nil || p <= 0 {
		return fmt.Errorf("%q is no share of a CPU, such as 20%%", d.Value)
	}
	b.quota = p / 100
	b.setQuota()
	return nil
}

func cpuPeriod(b *builder, d unit.Directive) error {
	t, err := unit.Duration(d.Value)
	if err != nil || t.Microseconds() < 1000 || t.Microseconds() > 1000000 {
		return fmt.Errorf("%q is no period from 1ms to 1s", d.Value)
	}
	b.period = t.Microseconds()
	b.setQuota()
	return nil
}

func (b *builder) setQuota() {
	period := b.period
	if period == 0 {
		period = defaultPeriod
	}
	if b.quota > 0 {
		b.set("cpu.max", fmt.Sprintf("%d %d", max(1000, int64(b.quota*float64(period))), period))
	}
}

// cpuSet is a list of numbers and ranges, separated by blanks or commas.
func cpuSet(file string) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			b.unset(file)
			return nil
		}
		if _, err := numbers(d.Value); err != nil {
			return err
		}
		b.set(file, strings.Join(strings.FieldsFunc(d.Value, func(r rune) bool { return r == ' ' || r == ',' }), ","))
		return nil
	}
}

// numbers reads a list such as "0 2-4,7", each number at most 8191.
func numbers(value string) ([]int, error) {
	var out []int
	for _, w := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' }) {
		from, to, span := strings.Cut(w, "-")
		low, err := strconv.Atoi(from)
		high := low
		if err == nil && span {
			high, err = strconv.Atoi(to)
		}
		if err != nil || low < 0 || high < low || high > 8191 {
			return nil, fmt.Errorf("%q is neither a number nor a range such as 0-3", w)
		}
		for n := low; n <= high; n++ {
			out = append(out, n)
		}
	}
	return out, nil
}

// perDevice is "PATH VALUE" for one block device.
func perDevice(file, key string) setter {
	return func(b *builder, d unit.Directive) error {
		if d.Value == "" {
			b.unset(file)
			return nil
		}
		device, value, ok := strings.Cut(d.Value, " ")
		value = strings.TrimSpace(value)
		if !ok || !path.IsAbs(device) {
			return fmt.Errorf("%q is no device and value, such as /dev/vda 10M", d.Value)
		}
		n, err := unit.SizeDecimal(value)
		if err != nil {
			return err
		}
		text := strconv.FormatUint(n, 10)
		if n == ^uint64(0) {
			text = "max"
		}
		b.set(file, device+" "+key+text)
		return nil
	}
}
