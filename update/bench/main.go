// Command bench measures updates natively: how fast a release is written to files and read
// back, against dd of the same bytes and against what one core takes for the zstd and SHA-256
// alone; how much memory that takes; and how much of a release has to be fetched when one file
// or one package of the demo image has changed.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"clarityos/qemu/bench/statistics"
	"clarityos/update/chunks"
	"clarityos/update/install"
	"clarityos/update/manifest"
	"clarityos/update/source"
	"clarityos/update/trust"
	"clarityos/update/verity"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often writing is measured; 0: only what is fetched")
	size := flag.Int("size", 512, "of the root that is written, in MiB")
	child := flag.String("child", "", "write the release in this folder, and end")
	flag.Parse()
	err := error(nil)
	if *child != "" {
		err = write(*child)
	} else {
		if *rounds > 0 {
			err = rate(*rounds, int64(*size)<<20)
		}
		err = errors.Join(err, deltas(context.Background()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench of updates:", err)
		os.Exit(1)
	}
}

// rate measures writing.
func rate(rounds int, size int64) error {
	dir, err := os.MkdirTemp("", "clarity-update-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pack, err := release(dir, size)
	if err != nil {
		return err
	}
	var ours, dd, core, memory []float64
	for range rounds {
		took, most, err := timed(dir)
		if err != nil {
			return err
		}
		ours, memory = append(ours, took.Seconds()), append(memory, float64(most)/(1<<20))
		if took, err = copied(filepath.Join(dir, "root"), filepath.Join(dir, "copy")); err != nil {
			return err
		}
		dd = append(dd, took.Seconds())
		if took, err = unpacked(dir, pack); err != nil {
			return err
		}
		core = append(core, took.Seconds())
	}
	mib := float64(size) / (1 << 20)
	fmt.Printf("a root of %.0f MiB, packed %.0f, medians of %d rounds (spread)\n", mib, float64(pack)/(1<<20), rounds)
	line := func(what string, seconds []float64) {
		fmt.Printf("  %-44s %6.2f s (%.2f to %.2f), %5.0f MiB/s\n", what, statistics.Median(seconds), slices.Min(seconds), slices.Max(seconds), mib/statistics.Median(seconds))
	}
	line("written by an update, synced and read back", ours)
	line("dd conv=fsync", dd)
	line("zstd and SHA-256 of it on one core", core)
	fmt.Printf("  rate: %.2f of dd's, %.2f of one core's\n", statistics.Median(dd)/statistics.Median(ours), statistics.Median(core)/statistics.Median(ours))
	fmt.Printf("  memory: %.1f MiB PSS at most (%.1f to %.1f)\n", statistics.Median(memory), slices.Min(memory), slices.Max(memory))
	return nil
}

// release puts one into a folder, of a root that is half text and half noise, and gives the
// size of its pack.
func release(dir string, size int64) (int64, error) {
	root, err := os.Create(filepath.Join(dir, "root"))
	if err != nil {
		return 0, err
	}
	defer root.Close()
	random := rand.NewChaCha8([32]byte{1})
	words := rand.New(random)
	const block = 64 << 10
	for at := int64(0); at < size; at += block {
		b := make([]byte, block)
		if at/block%2 == 0 {
			_, _ = random.Read(b)
		} else {
			for i := 0; i < len(b); i += 8 {
				copy(b[i:], fmt.Sprintf("%08d", words.IntN(1000)))
			}
		}
		if _, err := root.Write(b); err != nil {
			return 0, err
		}
	}
	if _, err := root.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	tree, err := verity.Make(root, nil, [16]byte{})
	if err != nil {
		return 0, err
	}
	var hashes bytes.Buffer
	if _, err := tree.WriteTo(&hashes); err != nil {
		return 0, err
	}
	if _, err := root.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return pack(dir, tree, root, &hashes, strings.NewReader("title "+manifest.SlotWord+"\n"))
}

// pack writes a manifest, its table and its pack to where Verify looks for them.
func pack(dir string, tree *verity.Tree, parts ...io.Reader) (int64, error) {
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(data, "new"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	sum := sha256.New()
	p, err := chunks.NewPacker(io.MultiWriter(f, sum))
	if err != nil {
		return 0, err
	}
	var packed []manifest.Part
	for _, r := range parts {
		size, hash, places, err := p.Add(r)
		if err != nil {
			return 0, err
		}
		packed = append(packed, manifest.Part{Blob: manifest.Blob{Hash: hash, Size: size}, Places: places})
	}
	table := p.Table().Encode()
	m := &manifest.Manifest{
		Format: manifest.Format, Name: "bench", Version: "1.0.0", Arch: "amd64", Kernel: "6.12", Restart: manifest.Restart, Health: manifest.Health{Within: 1},
		Root: packed[0], Tree: packed[1], Hash: tree.Root, Boot: []manifest.File{{Path: manifest.EntryPath, Part: packed[2]}},
		Table:  manifest.Blob{Hash: sha256.Sum256(table), Size: int64(len(table))},
		Packed: manifest.Blob{Hash: manifest.Hash(sum.Sum(nil)), Size: p.Table().PackSize()},
	}
	text, err := m.Encode()
	if err != nil {
		return 0, err
	}
	t := target(text)
	return m.Packed.Size, errors.Join(
		os.Rename(f.Name(), filepath.Join(dir, m.Packed.Name(manifest.PackSuffix))),
		os.WriteFile(filepath.Join(dir, m.Table.Name(manifest.TableSuffix)), table, 0o600),
		os.MkdirAll(filepath.Dir(filepath.Join(dir, t.Path())), 0o755),
		os.WriteFile(filepath.Join(dir, t.Path()), text, 0o600),
		os.WriteFile(filepath.Join(dir, "manifest"), text, 0o600))
}

func target(manifest []byte) trust.Target {
	return trust.Target{Name: "bench.json", Length: int64(len(manifest)), SHA256: fmt.Sprintf("%x", sha256.Sum256(manifest))}
}

// write is what is measured: the release in a folder, into new files.
func write(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "manifest"))
	if err != nil {
		return err
	}
	from, err := source.Open(dir, source.Options{})
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = install.Verify(context.Background(), from, target(text), filepath.Join(dir, "to"))
	return err
}

// timed runs write in a process of its own, and gives how much memory it had at most.
func timed(dir string) (took time.Duration, most uint64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	to := filepath.Join(dir, "to")
	if err := errors.Join(os.RemoveAll(to), os.Mkdir(to, 0o700)); err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(self, "-child", dir)
	cmd.Env = append(os.Environ(), "GOGC=30")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return time.Since(began), most, err
		case <-tick.C:
			if now := pss(cmd.Process.Pid); now > most {
				most = now
			}
		}
	}
}

// pss is a process's proportional set size, in bytes; 0: it is gone.
func pss(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// copied has dd copy a file.
func copied(from, to string) (time.Duration, error) {
	if err := os.RemoveAll(to); err != nil {
		return 0, err
	}
	began := time.Now()
	out, err := exec.Command("dd", "if="+from, "of="+to, "bs=1M", "conv=fsync", "status=none").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("dd: %w: %s", err, out)
	}
	return time.Since(began), nil
}

// unpacked checks and unpacks all chunks in memory, and hashes what they are once more, as it
// has to be when it is read back.
func unpacked(dir string, size int64) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest"))
	if err != nil {
		return 0, err
	}
	m, err := manifest.Decode(text)
	if err != nil {
		return 0, err
	}
	b, err := os.ReadFile(filepath.Join(dir, m.Table.Name(manifest.TableSuffix)))
	if err != nil {
		return 0, err
	}
	table, err := chunks.Decode(b)
	if err != nil {
		return 0, err
	}
	pack, err := os.ReadFile(filepath.Join(dir, m.Packed.Name(manifest.PackSuffix)))
	if err != nil {
		return 0, err
	}
	u, err := chunks.NewUnpacker()
	if err != nil {
		return 0, err
	}
	defer u.Close()
	sum := sha256.New()
	began := time.Now()
	for i, e := range table.Entries {
		at := table.Offset(uint32(i))
		plain, err := u.Chunk(e, pack[at:at+int64(e.Length)])
		if err != nil {
			return 0, err
		}
		sum.Write(plain)
	}
	return time.Since(began), nil
}
