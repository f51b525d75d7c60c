package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"clarityos/images/debian"
	"clarityos/services/plan"
)

// Options are a build's choices that are not part of the image.
type Options struct {
	Override
	Out            string   // the folder in which the image's folder is made; default "."
	Name           string   // the image's folder; default the definition's name
	Lock           string   // default clarity.lock beside the definition
	Update         bool     // refresh the lock from the mirror
	Fast           bool     // compress less: quicker to build, a tenth larger
	AuthorizedKeys []string // lines that are added for root
	Progress       Progress
}

// Build builds the image that the definition at path describes and returns it
// with warnings for a person. The lock beside the definition is read and, where
// it says nothing, completed.
func Build(ctx context.Context, path string, o Options) (*Image, []string, error) {
	b, err := newBuild(path, o)
	if err != nil {
		return nil, nil, err
	}
	if _, err := b.target(); err != nil {
		return nil, nil, err
	}
	if b.work, err = os.MkdirTemp("", "clarity-build-"); err != nil {
		return nil, nil, fmt.Errorf("build: %w", err)
	}
	defer os.RemoveAll(b.work)
	if err := b.fill(ctx); err != nil {
		return nil, b.warnings, err
	}
	if err := b.lock.Write(b.Lock); err != nil {
		return nil, b.warnings, err
	}
	img, err := b.write()
	return img, append(b.warnings, summarize(b.findings)...), err
}

// Fetch fills the cache with all that Build would fetch for the definition at
// path, and completes the lock, but builds nothing.
func Fetch(ctx context.Context, path string, o Options) error {
	b, err := newBuild(path, o)
	if err != nil {
		return err
	}
	if err := b.addPackages(ctx); err != nil {
		return err
	}
	if err := b.addKernel(ctx); err != nil {
		return err
	}
	return b.lock.Write(b.Lock)
}

// newBuild reads what a build starts from.
func newBuild(path string, o Options) (*build, error) {
	d, err := ReadDefinition(path, o.Override)
	if err != nil {
		return nil, err
	}
	if len(o.AuthorizedKeys) > 0 {
		d.authorize(o.AuthorizedKeys)
	}
	c, err := OpenCache()
	if err != nil {
		return nil, err
	}
	if o.Lock == "" {
		o.Lock = LockPath(d.Path)
	}
	lock, err := ReadLock(o.Lock, time.Now())
	if err != nil {
		return nil, err
	}
	if o.Update {
		lock.Epoch = time.Now().Unix()
	}
	return &build{Options: o, d: d, c: c, lock: lock, t: NewTree()}, nil
}

// build is one build while it runs.
type build struct {
	Options
	d    *Definition
	c    Cache
	lock *Lock
	work string // for programs that are built; gone afterwards
	t    *Tree

	kernel   Kernel
	packages []Package
	early    []string // module paths
	accounts *accounts
	findings []plan.Finding
	warnings []string
	id       string
}

// fill puts the tree together. The order only matters where a step looks at
// what others brought: conflicts are settled by rank.
func (b *build) fill(ctx context.Context) error {
	if err := b.d.addBase(b.t); err != nil {
		return err
	}
	if err := b.addPackages(ctx); err != nil {
		return err
	}
	if err := b.addKernel(ctx); err != nil {
		return err
	}
	source, err := findSource(b.d.Dir)
	if err != nil {
		return err
	}
	if err := b.d.addOwn(ctx, b.t, source, b.work, b.Progress); err != nil {
		return err
	}
	if err := b.d.addCommands(ctx, b.t, b.work, b.Progress); err != nil {
		return err
	}
	if b.accounts, err = readAccounts(b.t, b.lock); err != nil {
		return err
	}
	if err := b.accounts.addSysusers(b.t.FS()); err != nil {
		return err
	}
	if err := b.d.addAccounts(b.accounts); err != nil {
		return fmt.Errorf("%s: %w", b.d.Path, err)
	}
	if err := b.addUpdate(); err != nil {
		return fmt.Errorf("%s: %w", b.d.Path, err)
	}
	if err := b.d.addContent(b.t, b.accounts); err != nil {
		return fmt.Errorf("%s: %w", b.d.Path, err)
	}
	if b.d.Tools != "none" {
		if err := addBusybox(ctx, b.t, b.c, source, b.d.Arch, b.Progress); err != nil {
			return err
		}
	}
	if err := b.accounts.write(b.t); err != nil {
		return err
	}
	if err := b.d.addDefaults(b.t); err != nil {
		return err
	}
	missing, err := b.t.followLibraries(b.d.Arch)
	if err != nil {
		return err
	}
	b.warnings = append(append(b.warnings, missing...), b.t.missingInterpreters()...)
	if err := b.t.refuseSecrets(); err != nil {
		return err
	}
	return b.seal()
}

func (b *build) addPackages(ctx context.Context) error {
	from := b.c.apt(b.d.Suite, b.d.Arch)
	set, err := b.lock.resolve(ctx, b.c, from, b.d.question(), b.Update, b.Progress)
	if err != nil {
		return err
	}
	if err := b.c.fetch(ctx, from, append(append([]debian.Package{}, set.Packages...), set.Singles...), b.Progress); err != nil {
		return err
	}
	relations := map[string]debian.Relations{}
	for _, p := range set.Packages {
		if relations[p.Name], err = debian.ReadRelations(b.c.deb(p)); err != nil {
			return err
		}
		if err := b.t.AddPackage(p, b.c.deb(p), b.d.Exclude, nil); err != nil {
			return err
		}
		b.packages = append(b.packages, Package{p.Name, p.Version})
	}
	b.t.notePackages(b.d, set.Packages, relations)
	for _, f := range b.d.From {
		for _, p := range set.Singles {
			if p.Name != f.Package {
				continue
			}
			if err := b.t.AddPackage(p, b.c.deb(p), nil, f.Files); err != nil {
				return fmt.Errorf("%s: from: %w", b.d.Path, err)
			}
		}
	}
	return nil
}

func (b *build) addKernel(ctx context.Context) (err error) {
	k := b.d.Kernel
	if k.Image != "" {
		b.kernel = Kernel{Image: b.d.local(k.Image)}
		if k.Modules != "" {
			b.kernel.ModulesDir = b.d.local(k.Modules)
			b.kernel.Release = filepath.Base(b.kernel.ModulesDir)
		}
	} else {
		spec := KernelSpec{k.Debian, k.Flavour}
		from := b.c.apt(spec.Suite, b.d.Arch)
		locked, ok := b.lock.kernel(spec.String(), b.d.Arch)
		if !ok || b.Update {
			if locked.Packages, err = b.c.newestKernel(ctx, from, spec, b.d.Arch, b.Update, b.Progress); err != nil {
				return err
			}
			b.lock.putKernel(locked)
		}
		if b.kernel, err = b.c.kernel(ctx, from, locked.Packages, b.Progress); err != nil {
			return err
		}
	}
	if b.d.Disk.Firmware == RaspberryPi {
		if err := addDeviceTrees(b.t, b.kernel); err != nil {
			return err
		}
	}
	b.early, err = addModules(b.t, b.kernel, b.d.Modules)
	return err
}

// imageFacts is /usr/lib/clarity/image.json, for programs on the target.
type imageFacts struct {
	Name     string    `json:"name"`
	Arch     string    `json:"arch"`
	ID       string    `json:"id"`
	Epoch    int64     `json:"epoch"`
	Kernel   string    `json:"kernel_release"`
	Packages []Package `json:"packages"`
}

// seal computes the image's id over all that is in the tree, then adds what
// carries the id: the plan and image.json.
func (b *build) seal() error {
	h := sha256.New()
	if err := b.t.WriteNewc(h, b.lock.Epoch); err != nil {
		return err
	}
	b.id = hex.EncodeToString(h.Sum(nil))
	b.Progress.say("compiling the units")
	var err error
	if b.findings, err = b.d.addPlan(b.t, b.id, b.lock.Epoch, b.early); err != nil {
		return err
	}
	text, err := json.MarshalIndent(imageFacts{b.d.Name, b.d.Arch, b.id, b.lock.Epoch, b.kernel.Release, b.packages}, "", "  ")
	if err != nil {
		return fmt.Errorf("write image.json: %w", err)
	}
	return b.t.File("plan", RankOwn, path.Join("usr/lib/clarity", FactsFile), 0o644, append(text, '\n'))
}
