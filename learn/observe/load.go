package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/google/renameio/v2"

	"clarityos/learn/status"
)

// Dir is where programs and maps are pinned, a folder for each generation.
const Dir = "/sys/fs/bpf/clarity"

// generation names the programs that this binary brings.
func generation() string {
	sum := sha256.Sum256(_ObserveBytes)
	return hex.EncodeToString(sum[:6])
}

// Load puts this binary's programs into the kernel, pins them below dir, which is
// on bpffs, and then takes those of other generations away. It needs some 40 MB
// while it runs. What cannot be attached is probed instead, or left out and named;
// probesOnly has everything probed that can be. An error means that nothing is
// live. What was attached is written to record.
func Load(dir, record string, probesOnly bool) (status.Hooks, error) {
	h := status.Hooks{Generation: generation(), Missing: map[string]string{}}
	fail := func(err error) (status.Hooks, error) { return h, fmt.Errorf("load the observer's programs: %w", err) }
	l := loader{types: btf.NewCache(), at: filepath.Join(dir, h.Generation), modules: canBeModules()}
	if err := os.MkdirAll(l.at, 0o700); err != nil {
		return fail(err)
	}
	var err error
	if l.spec, err = loadObserve(); err != nil {
		return fail(err)
	}
	for name, m := range l.spec.Maps {
		m.Name, m.Pinning = name, ebpf.PinByName
	}
	if _, err := l.hook(namer, false); err != nil {
		return fail(errors.Join(err, os.RemoveAll(l.at)))
	}
	for _, name := range slices.Sorted(maps.Keys(l.spec.Programs)) {
		if other.MatchString(name) {
			continue
		}
		probed, err := l.hook(name, probesOnly)
		switch {
		case err != nil:
			h.Missing[name] = err.Error()
		case probed:
			h.Probes = append(h.Probes, name)
		default:
			h.Live = append(h.Live, name)
		}
	}
	raw, err := json.Marshal(h)
	if err == nil {
		err = renameio.WriteFile(record, raw, 0o600)
	}
	if err != nil {
		return fail(err)
	}
	return h, retire(dir, h.Generation)
}

// namer is the hook that tells which unit a cgroup is of: without it nothing that is
// seen means anything.
const namer = "cgroup_made"

// Listeners are the hooks that see who listens where. Where one is missing that has
// to be looked up.
var Listeners = []string{"inet_binds", "inet_listens", "unix_binds"}

// other names the programs that stand in for others: hook.h.
var other = regexp.MustCompile("_(enter|leave|lsm)$")

// loader attaches programs and pins their links below at.
type loader struct {
	spec    *ebpf.CollectionSpec
	types   *btf.Cache // of the kernel: to read them takes longer than all the rest
	at      string
	modules bool // programs can be security modules
}

// hook attaches the best of what can see the same.
func (l loader) hook(name string, probesOnly bool) (probed bool, err error) {
	ways := l.ways(name, probesOnly)
	for _, w := range ways {
		if l.pinned(w.programs[len(w.programs)-1]) {
			return w.probes, nil
		}
	}
	for _, w := range ways {
		wayErr := l.attachAll(w.programs)
		if wayErr == nil {
			return w.probes, nil
		}
		err = errors.Join(err, wayErr)
	}
	return false, err
}

// way is one of the ways to see the same: programs that go together.
type way struct {
	programs []string
	probes   bool
}

// ways gives those that there are for a hook, the best first. Not everything can be
// probed.
func (l loader) ways(name string, probesOnly bool) (ways []way) {
	add := func(probes bool, names ...string) {
		names = slices.DeleteFunc(names, func(n string) bool { return l.spec.Programs[n] == nil })
		if len(names) > 0 {
			ways = append(ways, way{names, probes})
		}
	}
	if add(true, name+"_enter", name+"_leave"); len(ways) > 0 && probesOnly {
		return ways
	}
	add(false, name)
	if l.modules {
		add(false, name+"_lsm")
	}
	slices.Reverse(ways)
	return ways
}

func (l loader) pin(name string) string { return filepath.Join(l.at, "link_"+name) }

// pinned says whether a program lives.
func (l loader) pinned(name string) bool {
	_, err := os.Stat(l.pin(name))
	return err == nil
}

// canBeModules says whether the kernel asks programs that are security modules: it
// attaches them also where it does not.
func canBeModules() bool {
	list, err := os.ReadFile("/sys/kernel/security/lsm")
	return err == nil && slices.Contains(strings.Split(strings.TrimSpace(string(list)), ","), "bpf")
}

// attachAll attaches programs that go together, in this order.
func (l loader) attachAll(names []string) error {
	for _, name := range names {
		if err := l.attach(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// attach loads one program, with the maps of those before it, and pins its link.
func (l loader) attach(name string) error {
	one, spec := *l.spec, l.spec.Programs[name]
	one.Programs = map[string]*ebpf.ProgramSpec{name: spec}
	coll, err := ebpf.NewCollectionWithOptions(&one, ebpf.CollectionOptions{Maps: ebpf.MapOptions{PinPath: l.at}, Cache: l.types})
	if err != nil {
		return err
	}
	defer coll.Close()
	var lnk link.Link
	program := coll.Programs[name]
	switch section, _, _ := strings.Cut(spec.SectionName, "/"); section {
	case "kprobe":
		lnk, err = link.Kprobe(spec.AttachTo, program, nil)
	case "kretprobe":
		lnk, err = link.Kretprobe(spec.AttachTo, program, nil)
	case "lsm":
		lnk, err = link.AttachLSM(link.LSMOptions{Program: program})
	default:
		lnk, err = link.AttachTracing(link.TracingOptions{Program: program})
	}
	if err != nil {
		return err
	}
	defer lnk.Close()
	return lnk.Pin(l.pin(name))
}

// skipped gives how often the kernel has not run programs whose links are pinned at
// a folder, by hook: it does not where a process that a program watches is preempted,
// and the next one on that processor is watched by the same.
func skipped(at string) (map[string]uint64, error) {
	pins, err := filepath.Glob(filepath.Join(at, "link_*"))
	if err != nil {
		return nil, err
	}
	all := map[string]uint64{}
	for _, pin := range pins {
		n, err := skippedBy(pin)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pin, err)
		}
		if n > 0 {
			all[other.ReplaceAllString(strings.TrimPrefix(filepath.Base(pin), "link_"), "")] += n
		}
	}
	return all, nil
}

func skippedBy(pin string) (uint64, error) {
	l, err := link.LoadPinnedLink(pin, nil)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return 0, err
	}
	p, err := ebpf.NewProgramFromID(info.Program)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	st, err := p.Stats()
	if err != nil {
		return 0, err
	}
	return st.RecursionMisses, nil
}

// retire takes away what other generations left.
func retire(dir, except string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != except {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// Attached gives what Load has written to record; ok is false when the programs of
// this binary are not there.
func Attached(record string) (h status.Hooks, ok bool) {
	raw, err := os.ReadFile(record)
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return h, false
	}
	return h, h.Generation == generation()
}
