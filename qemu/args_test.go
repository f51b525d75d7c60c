package qemu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clarityos/images"
)

// The golden files of testdata/args hold one argument a line, an option and
// its value on one. UPDATE_GOLDEN=1 writes them anew.
func TestArguments(t *testing.T) {
	image := func(arch string) *images.Image {
		return &images.Image{
			Name: "demo", Arch: arch, Kernel: "/img/vmlinuz", Initramfs: "/img/initramfs.zst",
			Cmdline: "console=ttyS0 panic=10", Memory: 512, CPUs: 4,
			Forwards: []images.Forward{{Host: 2222, Guest: 22}, {Host: 8080, Guest: 80}},
		}
	}
	for name, cfg := range map[string]Config{
		"amd64-tcg":    {Image: image("amd64"), Accel: TCG},
		"amd64-kvm":    {Image: image("amd64"), Accel: KVM, Memory: 4096, CPUs: 1},
		"amd64-icount": {Image: image("amd64"), Accel: TCG, CountInstructions: true, NoReboot: true},
		"arm64-tcg":    {Image: image("arm64"), Accel: TCG, AnyPorts: true},
		"disk":         {Image: image("amd64"), Accel: TCG, Disk: "/a,b/var", Append: "clarity.learn=off", Extra: []string{"-S"}},
		"boot-nvme":    {Image: image("amd64"), Accel: TCG, BootDisk: "/d", BootBus: NVMe, Flushless: true},
		"boot-u-boot":  {Image: image("arm64"), Accel: TCG, BootDisk: "/d", BootBy: UBoot},
		"boot-log":     {Image: image("amd64"), Accel: TCG, BootDisk: "/d", BootLog: "/l"},
		"boot-log-on":  {Image: image("amd64"), Accel: TCG, BootDisk: "/d", BootLog: "/l", logGoesOn: true},
		"bare":         {Image: &images.Image{Arch: "amd64", Kernel: "/k"}, Accel: TCG},
		"override":     {Image: image("amd64"), Accel: TCG, Forwards: []images.Forward{{Guest: 80}, {Host: 6379, Guest: 6379}}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := cfg.filled()
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for i, a := range arguments(cfg, "multi") {
				switch {
				case i == 0:
				case strings.HasPrefix(a, "-"):
					b.WriteByte('\n')
				default:
					b.WriteByte(' ')
				}
				b.WriteString(a)
			}
			got := b.String() + "\n"
			path := filepath.Join("testdata", "args", name)
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	img := &images.Image{Name: "demo", Arch: "amd64"}
	for _, tc := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no image", Config{}, "no image"},
		{"architecture", Config{Image: &images.Image{Name: "x", Arch: "riscv64"}}, "riscv64"},
		{"guest port", Config{Image: img, Forwards: []images.Forward{{Host: 1, Guest: 0}}}, "forward 1:0"},
		{"host port", Config{Image: img, Forwards: []images.Forward{{Host: 70000, Guest: 1}}}, "forward 70000:1"},
		{"bus", Config{Image: img, BootDisk: "/d", BootBus: "floppy"}, "no bus \"floppy\""},
		{"U-Boot", Config{Image: img, BootDisk: "/d", BootBy: UBoot}, "no U-Boot for amd64"},
		{"memory", Config{Image: img, Memory: -1}, "-1 MiB"},
	} {
		if _, err := tc.cfg.filled(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", tc.name, err)
		}
	}
}
