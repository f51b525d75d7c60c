package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"clarityos/images/debian"

	"golang.org/x/sys/unix"
)

// CacheVariable names the environment variable that moves the cache.
const CacheVariable = "CLARITY_CACHE"

// Cache is the folder where packages (by SHA-256), kernels, the busybox and
// apt's private state are kept between builds. Deleting it is always safe.
type Cache struct{ Dir string }

// OpenCache returns the user's cache, made if need be.
func OpenCache() (Cache, error) {
	dir := os.Getenv(CacheVariable)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return Cache{}, fmt.Errorf("find the cache folder: %w; set %s", err, CacheVariable)
		}
		dir = filepath.Join(base, "clarityos")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Cache{}, fmt.Errorf("find the cache folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "debs"), 0o755); err != nil {
		return Cache{}, fmt.Errorf("make the cache folder: %w", err)
	}
	return Cache{dir}, nil
}

// path joins elements below the cache folder.
func (c Cache) path(elements ...string) string {
	return filepath.Join(append([]string{c.Dir}, elements...)...)
}

// lock holds the cache's lock of the given name until the returned function is
// called; it waits for another process as long as ctx allows, at most an hour.
func (c Cache) lock(ctx context.Context, name string) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	f, err := os.OpenFile(c.path(name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock the cache: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another build that holds %s.lock in %s: %w", name, c.Dir, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// folder returns the folder at the given place of the cache, which make fills
// when it is not there. Only a completely made folder ever has that name.
func (c Cache) folder(ctx context.Context, place string, make func(dir string) error) (string, error) {
	final := c.path(place)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	unlock, err := c.lock(ctx, "folders")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	tmp, err := os.MkdirTemp(filepath.Dir(final), ".new-")
	if err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := make(tmp); err != nil {
		return "", err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	if err := syncAll(tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, final); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	return final, nil
}

// archive is what resolves and fetches packages; *debian.Apt in earnest.
type archive interface {
	Update(ctx context.Context) error
	Resolve(ctx context.Context, names, omit []string) ([]debian.Package, error)
	Single(ctx context.Context, names []string) ([]debian.Package, error)
	Fetch(ctx context.Context, packages []debian.Package, dir string) (map[string]string, error)
}

// deb returns where the cache has p's archive, or would have it.
func (c Cache) deb(p debian.Package) string { return c.path("debs", p.SHA256+".deb") }

// fetch makes sure that the cache has all packages, undamaged. Nothing is asked
// of from when it has them already. What arrives has to have the SHA-256 it
// should.
func (c Cache) fetch(ctx context.Context, from archive, packages []debian.Package, progress Progress) error {
	var missing []debian.Package
	for _, p := range packages {
		if got, err := hashFile(c.deb(p)); err != nil || got != p.SHA256 {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	progress.say("fetching %d packages", len(missing))
	unlock, err := c.lock(ctx, "apt")
	if err != nil {
		return err
	}
	defer unlock()
	tmp, err := os.MkdirTemp(c.Dir, ".fetch-")
	if err != nil {
		return fmt.Errorf("fetch packages: %w", err)
	}
	defer os.RemoveAll(tmp)
	files, err := from.Fetch(ctx, missing, tmp)
	if errors.Is(err, debian.ErrGone) {
		return fmt.Errorf("%w; the lock is older than the mirror: refresh it with `clarity build --update`", err)
	}
	if err != nil {
		return err
	}
	for _, p := range missing {
		got, err := hashFile(files[p.Name])
		if err != nil {
			return fmt.Errorf("fetch %s: %w", p.ID(), err)
		}
		if got != p.SHA256 {
			return fmt.Errorf("fetch %s: its SHA-256 is %s, the lock says %s; refresh it with `clarity build --update` if you trust the mirror",
				p.ID(), got, p.SHA256)
		}
		if err := os.Rename(files[p.Name], c.deb(p)); err != nil {
			return fmt.Errorf("fetch %s: %w", p.ID(), err)
		}
	}
	return nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Progress receives a line for each step of a build; nil drops them.
type Progress func(line string)

func (p Progress) say(format string, args ...any) {
	if p != nil {
		p(fmt.Sprintf(format, args...))
	}
}
