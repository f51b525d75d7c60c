package images

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"clarityos/images/debian"
	"clarityos/update/durable"
)

var (
	suites   = []string{"bookworm", "trixie", "forky"}
	flavours = []string{"cloud", "generic"}
)

// Kernel is a kernel on this machine's disk.
type Kernel struct {
	Image      string `json:"image"`       // the bootable file
	ModulesDir string `json:"modules_dir"` // lib/modules/RELEASE; "" if it has none
	Release    string `json:"release"`     // what uname -r will say
	// DeviceTrees has those of Raspberry Pis, *.dtb; "" if there are none.
	DeviceTrees string `json:"device_trees,omitempty"`
}

// KernelSpec names a Debian kernel: the newest of a suite in a flavour.
type KernelSpec struct {
	Suite   string // bookworm (6.1), trixie (6.12) or forky (7.x)
	Flavour string // cloud or generic
}

// ParseKernelSpec reads debian:SUITE-FLAVOUR; the flavour may be left out.
func ParseKernelSpec(s string) (KernelSpec, error) {
	rest, ok := strings.CutPrefix(s, "debian:")
	suite, flavour, has := strings.Cut(rest, "-")
	if !has {
		flavour = "cloud"
	}
	if !ok || !slices.Contains(suites, suite) || !slices.Contains(flavours, flavour) {
		return KernelSpec{}, fmt.Errorf("kernel %q is not known; use debian:SUITE-FLAVOUR with a suite of %s and a flavour of %s",
			s, strings.Join(suites, ", "), strings.Join(flavours, ", "))
	}
	return KernelSpec{suite, flavour}, nil
}

func (k KernelSpec) String() string { return "debian:" + k.Suite + "-" + k.Flavour }

// metapackage is the Debian package that depends on the newest kernel.
func (k KernelSpec) metapackage(arch string) string {
	if k.Flavour == "cloud" {
		return "linux-image-cloud-" + arch
	}
	return "linux-image-" + arch
}

// FetchKernel returns the kernel of a suite for arch (amd64 or arm64), fetched
// if the cache has none; spec is debian:SUITE-FLAVOUR. With the kernel in the
// cache no network is touched; refresh asks the mirror for a newer one.
func FetchKernel(ctx context.Context, spec, arch string, progress Progress) (Kernel, error) {
	return fetchKernel(ctx, spec, arch, false, progress)
}

// RefreshKernel is FetchKernel with what the mirror has now.
func RefreshKernel(ctx context.Context, spec, arch string, progress Progress) (Kernel, error) {
	return fetchKernel(ctx, spec, arch, true, progress)
}

func fetchKernel(ctx context.Context, spec, arch string, refresh bool, progress Progress) (Kernel, error) {
	k, err := ParseKernelSpec(spec)
	if err != nil {
		return Kernel{}, err
	}
	if arch != "amd64" && arch != "arm64" {
		return Kernel{}, fmt.Errorf("architecture %q is not known; use amd64 or arm64", arch)
	}
	c, err := OpenCache()
	if err != nil {
		return Kernel{}, err
	}
	from := c.apt(k.Suite, arch)
	packages, err := c.newestKernel(ctx, from, k, arch, refresh, progress)
	if err != nil {
		return Kernel{}, err
	}
	return c.kernel(ctx, from, packages, progress)
}

// apt returns the private apt of a suite and architecture.
func (c Cache) apt(suite, arch string) *debian.Apt {
	return debian.NewApt(c.path("apt", suite+"-"+arch), suite, arch)
}

// newestKernel returns the packages of a kernel: those that the cache
// remembers, or those that the mirror has.
func (c Cache) newestKernel(ctx context.Context, from archive, k KernelSpec, arch string, refresh bool, progress Progress) ([]debian.Package, error) {
	note := c.path("kernels", k.Suite+"-"+k.Flavour+"-"+arch+".json")
	var packages []debian.Package
	if text, err := os.ReadFile(note); err == nil && !refresh && json.Unmarshal(text, &packages) == nil {
		return packages, nil
	}
	progress.say("looking up %s for %s", k, arch)
	unlock, err := c.lock(ctx, "apt")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if refresh {
		if err := from.Update(ctx); err != nil {
			return nil, err
		}
	}
	all, err := from.Resolve(ctx, []string{k.metapackage(arch)}, nil)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if kernelPackage(p.Name) && p.Name != k.metapackage(arch) {
			packages = append(packages, p)
		}
	}
	text, err := json.Marshal(packages)
	if err != nil {
		return nil, fmt.Errorf("remember kernel: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(note), 0o755); err != nil {
		return nil, fmt.Errorf("remember kernel: %w", err)
	}
	return packages, durable.WriteFile(note, text, 0o644)
}

// kernelPackage tells the packages with kernel files from what their scripts
// need. Newer suites split linux-image into several.
func kernelPackage(name string) bool {
	for _, prefix := range []string{"linux-image-", "linux-binary-", "linux-modules-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// kernel unpacks a kernel's packages into the cache.
func (c Cache) kernel(ctx context.Context, from archive, packages []debian.Package, progress Progress) (Kernel, error) {
	id := sha256.New()
	io.WriteString(id, "with device trees of bcm2*\n")
	for _, p := range packages {
		io.WriteString(id, p.SHA256+"\n")
	}
	dir, err := c.folder(ctx, "kernels/"+hex.EncodeToString(id.Sum(nil))[:32], func(dir string) error {
		if err := c.fetch(ctx, from, packages, progress); err != nil {
			return err
		}
		for _, p := range packages {
			progress.say("unpacking %s", p.Name)
			if err := unpackKernel(c.deb(p), dir); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Kernel{}, err
	}
	return kernelIn(dir)
}

// unpackKernel writes the image as vmlinuz, the modules as modules/RELEASE and device trees
// as dtb.
func unpackKernel(deb, dir string) error {
	return debian.WalkFiles(deb, func(h *tar.Header, r io.Reader) error {
		name := usrMerged(h.Name)
		to := ""
		if rest, ok := strings.CutPrefix(name, "/usr/lib/modules/"); ok && h.Typeflag == tar.TypeReg {
			to = filepath.Join(dir, "modules", filepath.FromSlash(rest))
		}
		base := path.Base(name)
		if strings.HasPrefix(base, "vmlinuz") && h.Typeflag == tar.TypeReg {
			to = filepath.Join(dir, KernelFile)
		}
		if ok, _ := path.Match("/usr/lib/linux-image-*/broadcom/bcm2*-rpi-*.dtb", name); ok && h.Typeflag == tar.TypeReg {
			to = filepath.Join(dir, "dtb", base)
		}
		if to == "" {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		f, err := os.Create(to)
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, r); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	})
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func kernelIn(dir string) (Kernel, error) {
	k := Kernel{Image: filepath.Join(dir, KernelFile)}
	if _, err := os.Stat(k.Image); err != nil {
		return Kernel{}, fmt.Errorf("the kernel's packages have no vmlinuz: %w", err)
	}
	releases, err := os.ReadDir(filepath.Join(dir, "modules"))
	if err != nil || len(releases) != 1 {
		return Kernel{}, fmt.Errorf("the kernel's packages have %d module folders, want 1: %v", len(releases), err)
	}
	k.Release = releases[0].Name()
	k.ModulesDir = filepath.Join(dir, "modules", k.Release)
	if trees := filepath.Join(dir, "dtb"); isDir(trees) {
		k.DeviceTrees = trees
	}
	return k, nil
}
