// Command bench measures disks: what it takes to make one for each architecture, and what it
// costs to boot from it, by stage, against the same image as an initramfs with a data disk and
// against the same root on the same disk without slots and verity. In QEMU with UEFI, on the
// clock that counts instructions, one nanosecond each.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/bench/statistics"
	"clarityos/services/control"
	"clarityos/update/slots"
)

// powerOn is when the machine's own clock begins, with power.
var powerOn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// limit bounds a boot, and every command.
const limit = 10 * time.Minute

func main() {
	rounds := flag.Int("rounds", 3, "how often each is booted")
	definition := flag.String("f", "images/demo/clarity.toml", "the image's definition")
	flag.Parse()
	if err := run(context.Background(), *rounds, *definition); err != nil {
		fmt.Fprintln(os.Stderr, "bench of disks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, definition string) error {
	dir, err := os.MkdirTemp("", "clarity-diskbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var img *images.Image
	for _, arch := range []string{"arm64", "amd64"} { // the last one is booted
		if img, err = build(ctx, filepath.Join(dir, arch), definition, arch); err != nil {
			return fmt.Errorf("%s: %w", arch, err)
		}
	}
	disk, same := filepath.Join(dir, "amd64", "disk"), filepath.Join(dir, "plain.disk")
	if out, err := exec.CommandContext(ctx, "cp", "--sparse=always", disk, same).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %v: %s", disk, err, out)
	}
	plain, err := withoutSlots(ctx, same, dir)
	if err != nil {
		return err
	}
	configs := [...]qemu.Config{
		{Disk: filepath.Join(dir, "var"), DiskSize: img.DataSize},
		{BootDisk: same, Extra: plain},
		{BootDisk: disk},
	}
	var took [len(configs)][]times
	for range rounds {
		for i, cfg := range configs {
			cfg.Extra = append([]string{"-rtc", "base=" + powerOn.Format("2006-01-02T15:04:05") + ",clock=vm"}, cfg.Extra...)
			cfg.Image, cfg.Accel, cfg.CountInstructions, cfg.NoReboot, cfg.AnyPorts = img, qemu.TCG, true, true, true
			t, err := boot(ctx, cfg)
			if err != nil {
				return err
			}
			took[i] = append(took[i], t)
		}
	}
	report(took[0], took[1], took[2])
	return nil
}

// build makes the disk of a definition, in dir, and says what that took.
func build(ctx context.Context, dir, definition, arch string) (*images.Image, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if _, _, err := images.Build(ctx, definition, images.Options{Out: filepath.Join(dir, "cached"), Fast: true, Override: images.Override{Arch: arch}}); err != nil {
		return nil, err // this one fetches, and fills the cache
	}
	began := time.Now()
	img, _, err := images.Build(ctx, definition, images.Options{Out: dir, Fast: true, Override: images.Override{Arch: arch}})
	if err != nil {
		return nil, err
	}
	built := time.Since(began)
	began = time.Now()
	disk := filepath.Join(dir, "disk")
	if err := img.WriteDisk(ctx, disk, images.DiskOptions{}); err != nil {
		return nil, err
	}
	written := time.Since(began)
	var st unix.Stat_t
	if err := unix.Stat(disk, &st); err != nil {
		return nil, err
	}
	fmt.Printf("%s for %s: built in %v, its disk written in %v; the disk has %d MiB, %d of them in use\n", img.Name, arch,
		built.Round(100*time.Millisecond), written.Round(100*time.Millisecond), st.Size>>20, st.Blocks*512>>20)
	return img, nil
}

// times of one boot, since the kernel's begin.
type times struct {
	before time.Duration // … since power-on: firmware and loader
	slots.Times
	init, service, complete time.Duration // when PID 1 of the root was executed, a service was up, the boot was complete
}

// boot boots once, and asks the guest.
func boot(ctx context.Context, cfg qemu.Config) (t times, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return t, err
	}
	defer m.Close()
	if err := m.Await(ctx, limit, m.AgentReady()); err != nil {
		return t, err
	}
	if res, err := m.Shell(ctx, "clarityctl wait --timeout 300s"); err != nil || !res.OK() {
		status, _ := m.Shell(ctx, "clarityctl status; clarityctl logs -p err") // it says more, if it can
		return t, fmt.Errorf("the boot did not complete: %v, %v: %s", res, err, status.Stdout)
	}
	var st control.StatusReply
	if err := m.JSON(ctx, "clarityctl status --json", &st); err != nil {
		return t, err
	}
	var units []struct {
		Unit string        `json:"unit"`
		At   time.Duration `json:"at"`
	}
	if err := m.JSON(ctx, "clarityctl blame --json", &units); err != nil {
		return t, err
	}
	t.init, t.complete, t.service = st.Kernel, st.Summary.BootTime, st.Summary.BootTime
	for _, u := range units {
		if !strings.HasPrefix(u.Unit, "clarity-") {
			t.service = min(t.service, t.init+u.At)
		}
	}
	if cfg.BootDisk == "" {
		return t, m.PowerOff(ctx)
	}
	var running slots.Running
	if err := m.JSON(ctx, "cat "+slots.RunningFile, &running); err != nil {
		return t, err
	}
	if t.Times = running.Times; t.Root == 0 {
		return t, m.PowerOff(ctx) // without slots
	}
	if t.before, err = sincePower(ctx, m); err != nil {
		return t, err
	}
	return t, m.PowerOff(ctx)
}

// sincePower gives when the kernel began, since power-on: how far its clock is behind the
// machine's at a moment in which that one, which counts seconds, goes on. Both are the same
// count of instructions.
func sincePower(ctx context.Context, m *qemu.Machine) (time.Duration, error) {
	const clock = "/sys/class/rtc/rtc0/since_epoch"
	res, err := m.Shell(ctx, "was=$(cat "+clock+"); while now=$(cat "+clock+"); test $now = $was; do :; done; read up rest </proc/uptime; echo $now $up")
	if err != nil {
		return 0, err
	}
	var now int64
	var up float64
	if _, err := fmt.Sscan(string(res.Stdout), &now, &up); err != nil {
		return 0, fmt.Errorf("the machine's clock says %v: %w", res, err)
	}
	return time.Duration(now-powerOn.Unix())*time.Second - time.Duration(up*float64(time.Second)), nil
}

func report(initramfs, plain, disk []times) {
	fmt.Printf("%d boots each, the first of which makes /var\n", len(disk))
	row := func(name string, of func(times) time.Duration, all ...[]times) (medians []float64) {
		fmt.Printf("%-52s", name)
		for _, ts := range all {
			var values []float64
			for _, t := range ts {
				values = append(values, of(t).Seconds())
			}
			medians = append(medians, statistics.Median(values))
			fmt.Printf("  %6.3f ± %.3f s", medians[len(medians)-1], statistics.Spread(values)/2)
		}
		return medians
	}
	for _, s := range []struct {
		name string
		of   func(times) time.Duration
	}{
		{"disk: firmware and systemd-boot", func(t times) time.Duration { return t.before }},
		{"disk: kernel", func(t times) time.Duration { return t.Begun }},
		{"disk: stage 1, drivers, till the disk is there", func(t times) time.Duration { return t.Disk - t.Begun }},
		{"disk: stage 1, the record of slots, and the loader", func(t times) time.Duration { return t.Chosen - t.Disk }},
		{"disk: stage 1, the root under verity", func(t times) time.Duration { return t.Root - t.Chosen }},
		{"disk: stage 1, changing the root", func(t times) time.Duration { return t.init - t.Root }},
		{"disk: PID 1 till the first service is up", func(t times) time.Duration { return t.service - t.init }},
		{"disk: power-on till the first service is up", func(t times) time.Duration { return t.before + t.service }},
	} {
		row(s.name, s.of, disk)
		fmt.Println()
	}
	fmt.Printf("%-52s%12s%20s%20s%s\n", "since the kernel's begin", "initramfs", "no slots or verity", "disk", "        … against the first, and the second")
	for _, s := range []struct {
		name string
		of   func(times) time.Duration
	}{
		{"PID 1 of the root", func(t times) time.Duration { return t.init }},
		{"first service", func(t times) time.Duration { return t.service }},
		{"boot complete", func(t times) time.Duration { return t.complete }},
	} {
		m := row(s.name, s.of, initramfs, plain, disk)
		fmt.Printf("  %.2fx  %.2fx\n", m[2]/m[0], m[2]/m[1])
	}
}
