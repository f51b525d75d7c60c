package updatetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"clarityos/images"
	"clarityos/qemu"
	"clarityos/qemu/blocklog"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
)

// The power is cut wherever an update writes: in front of each write to the disk, in the middle of
// it, and with any of those lost that no flush was behind. A machine has the old system then or
// the new one, never neither, as a model of the boot says of all of these disks and some machines
// that boot from them show; and the update goes on to its end by itself, if it was on the disk that
// it is wanted.
func TestPowerCut(t *testing.T) {
	r := record(t)
	cuts, broken, torn := r.model(t)
	r.sees(t)
	if t.Failed() {
		return
	}
	all := slices.Concat(spread(cuts, boots), spread(broken, brokenBoots), spread(torn, tornBoots))
	for i, c := range all {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Log(c)
			r.boots(t, c, i%completes == 1 || i >= boots)
		})
	}
	t.Logf("%d disks were booted from", len(all))
}

// seed is that of what is chosen of the cuts.
const seed = 20261129

// onDisk is the model of what cuts leave of a log.
func (r *recording) onDisk(t *testing.T, log *blocklog.Log) *model {
	t.Helper()
	before, err := os.Open(r.before)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { before.Close() })
	info, err := before.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := newModel(log.On(before), info.Size())
	if err == nil {
		err = m.ends(len(log.Writes))
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// model checks all disks that cuts leave, and gives the cuts; broken are those with files on the
// loader's partition that have to be mended, torn those with a superblock of /var that has to be.
func (r *recording) model(t *testing.T) (all, broken, torn []blocklog.Cut) {
	t.Helper()
	m := r.onDisk(t, r.log)
	began, wrong, journals, flushes := time.Now(), 0, 0, 0
	for c := range r.log.Cuts(choice) {
		err := m.check(c)
		if m.torn() {
			torn = append(torn, c)
		}
		if (len(all)%journalEvery == 0 || m.torn()) && err == nil {
			journals++
			err = m.journal(t)
		}
		if err != nil {
			if wrong++; wrong < 10 {
				t.Errorf("after %.300s: %v", c, err)
			}
		}
		if m.files.broken {
			broken = append(broken, c)
		}
		all = append(all, c)
	}
	for _, w := range r.log.Writes {
		if w.Flush {
			flushes++
		}
	}
	t.Logf("%d writes, %d flushes; %d disks by the model, %d of them wrong, with seed %d; it looked %d times, and at %d journals, in %v",
		len(r.log.Writes)-flushes, flushes, len(all), wrong, choice.Seed, m.looked, journals, time.Since(began).Round(time.Millisecond))
	t.Logf("at most %d clusters of %d bytes were lost on the loader's partition; %d disks have files there that are to be mended; %d a superblock of /var that is torn", m.lost, m.files.ClusterSize, len(broken), len(torn))
	return all, broken, torn
}

// sees holds the model to see what is wrong with logs of updaters that do not say first that slot
// B has no system any more, or whose flushes do nothing.
func (r *recording) sees(t *testing.T) {
	t.Helper()
	m := r.onDisk(t, r.log)
	mark := -1 // the write that says so
	for n, w := range r.log.Writes {
		m.disk.Set(blocklog.Cut{Whole: n + 1})
		if rec, _ := slots.Read(m.part(bootdisk.State)); w.Size == slots.Size && rec.Side(slots.B).State == slots.Writing {
			mark = n
			break
		}
	}
	if mark < 0 {
		t.Fatal("no write says that slot B has no system any more")
	}
	unmarked, unflushed := *r.log, *r.log
	unmarked.Writes = slices.Delete(slices.Clone(r.log.Writes), mark, mark+1)
	unflushed.Writes = slices.DeleteFunc(slices.Clone(r.log.Writes), func(w blocklog.Write) bool { return w.Flush })
	for name, log := range map[string]*blocklog.Log{"no mark": &unmarked, "no flushes": &unflushed} {
		m, seen := r.onDisk(t, log), false
		for c := range log.Cuts(blocklog.Choice{Seed: seed, Windows: 100}) {
			if seen = m.check(c) != nil; seen {
				break
			}
		}
		if !seen {
			t.Errorf("%s: the model sees nothing wrong", name)
		}
	}
}

// spread gives n of some cuts, evenly, or all.
func spread(all []blocklog.Cut, n int) (out []blocklog.Cut) {
	for i := range min(n, len(all)) {
		out = append(out, all[(2*i+1)*len(all)/(2*min(n, len(all)))])
	}
	return out
}

// boots has a machine come up with the disk that a cut has left, and complete the update.
func (r *recording) boots(t *testing.T, c blocklog.Cut, complete bool) {
	path := filepath.Join(t.TempDir(), "disk")
	r.copyTo(t, path)
	disk, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.log.Replay(disk, c), disk.Close()); err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: r.img, BootDisk: path, NoReboot: true})
	r.comesUp(t, m)
	if complete {
		r.takes(t, m)
	}
}

// recording is all that an update writes to a machine's disk: from the boot in which it is
// ordered, the firmware's and the loader's writes included, to the boot in which it is good.
type recording struct {
	p      *publisher
	img    *images.Image // the machine's, which is 1.0.0
	newer  *images.Image // 1.1.0, which it takes
	before string        // the disk as it was, with the firmware's variables beside it
	path   string        // of the log
	log    *blocklog.Log
}

// record has a machine take an update to the slot that has an older system.
func record(t *testing.T) *recording {
	t.Helper()
	dir := t.TempDir()
	r := &recording{p: newPublisher(t), before: filepath.Join(dir, "before"), path: filepath.Join(dir, "log")}
	r.img, r.newer = r.p.image(t, "1.0.0"), r.p.image(t, "1.1.0")
	r.p.offer(t, r.newer)
	if err := r.img.WriteDisk(t.Context(), r.before, images.DiskOptions{Second: r.p.image(t, "0.9.0")}); err != nil {
		t.Fatal(err)
	}
	m := qemu.ForTest(t, qemu.Config{Image: r.img, BootDisk: r.before})
	m.Must(patience, m.AgentReady())
	m.MustShell(limit, "clarityctl wait --timeout 60s")
	off, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := m.PowerOff(off); err != nil {
		t.Fatal(err)
	}

	disk := filepath.Join(dir, "disk")
	r.copyTo(t, disk)
	if err := os.WriteFile(r.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m = qemu.ForTest(t, qemu.Config{Image: r.img, BootDisk: disk, BootLog: r.path, NoReboot: true})
	r.takes(t, m)
	m.MustShell(limit, "sync")
	m.CutPower()
	f, err := os.Open(r.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if r.log, err = blocklog.Read(f); err != nil {
		t.Fatal(err)
	}
	return r
}

// copyTo copies the disk as it was before, with its holes, and the firmware's variables.
func (r *recording) copyTo(t *testing.T, path string) {
	t.Helper()
	for _, suffix := range []string{"", ".vars"} {
		if out, err := exec.Command("cp", "--sparse=always", r.before+suffix, path+suffix).CombinedOutput(); err != nil {
			t.Fatalf("copy the disk: %v: %s", err, out)
		}
	}
}

// takes has a machine that restarts by ending have the newer version, and be good with it. It
// orders it unless the disk has the order, or what became of it.
func (r *recording) takes(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	const order = "test -e /var/lib/clarity/update/order || clarityctl update history | grep -q 1.1.0 || clarityctl update install --restart >/dev/null 2>&1 &"
	var history string
	ended := func(text string) error {
		if !endOfUpdate.MatchString(text) {
			return errors.New("the update has not ended")
		}
		history = text
		return nil
	}
	for history == "" {
		r.comesUp(t, m)
		err := m.Await(t.Context(), limit, m.Prints(order, func(string) error { return nil }))
		if err == nil {
			err = m.Await(t.Context(), patience, m.Prints("clarityctl update history", ended))
		}
		if err != nil && !errors.Is(err, qemu.ErrOff) {
			t.Fatal(err)
		}
	}
	if !strings.Contains(history, "good      1.1.0 after 1.0.0") {
		t.Fatalf("the update was not good:\n%s", history)
	}
	m.Must(limit, m.Prints("cat /usr/share/hello; clarityctl slots", qemu.Has("this is 1.1.0", "slot b: good, runs, default", "slot a: good")))
}

// endOfUpdate is in the history of an update that has ended, however that was.
var endOfUpdate = regexp.MustCompile(`  (good|failed|left|canceled) +1\.1\.0`)

// comesUp waits until a machine is up, by as many restarts as the boot's choice takes.
func (r *recording) comesUp(t *testing.T, m *qemu.TestMachine) {
	t.Helper()
	for {
		if !m.Running() {
			if err := errors.Join(m.Ending(), m.PowerOn()); err != nil {
				t.Fatal(err)
			}
		}
		err := m.Await(t.Context(), patience, m.Prints("clarityctl wait --timeout 60s >/dev/null && cat /usr/share/hello && clarityctl slots", oldOrNew))
		if err == nil {
			return
		}
		if !errors.Is(err, qemu.ErrOff) {
			t.Fatal(err)
		}
	}
}

// runs is the slot that does, in what `clarityctl slots` says.
var runs = regexp.MustCompile(`slot ([ab]): (good|trying), runs`)

// oldOrNew holds the old system to run in slot A, or the new one in slot B, and slot A to be good.
func oldOrNew(text string) error {
	version := map[string]string{"a": "this is 1.0.0", "b": "this is 1.1.0"}
	slot := runs.FindStringSubmatch(text)
	if slot == nil || !strings.Contains(text, version[slot[1]]) || !strings.Contains(text, "slot a: good") {
		return fmt.Errorf("neither the old system runs nor the new one:\n%s", text)
	}
	return nil
}
