package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"clarityos/update/source"
	"clarityos/update/trust"
	"clarityos/update/trust/tuf"
)

// Report is what Check found.
type Report struct {
	Targets  []trust.Target
	Roles    map[string]trust.Role
	Problems []error  // of targets: what a machine would get of them is not what is signed
	Soon     []string // the roles with less than half of their time left
}

// Check goes the way of a machine that trusts a root, with nothing stored, and reads each
// target. Without a root it trusts the repository's first. The error is a *trust.Refusal
// if a machine would trust nothing; it also names a role that has expired.
func Check(ctx context.Context, dir string, root []byte, now time.Time) (Report, error) {
	source, err := source.Open(dir, source.Options{})
	if err != nil {
		return Report{}, err
	}
	defer source.Close()
	if root == nil {
		if root, err = source.Get(ctx, "metadata/1.root.json", trust.MostRoot); err != nil {
			return Report{}, fmt.Errorf("check repository %s: %w", dir, err)
		}
	}
	res := tuf.Refresh(trust.Request{Root: root, Now: now}, func(name string, most int64) ([]byte, error) {
		return source.Get(ctx, name, most)
	})
	if res.Refusal != nil {
		return Report{Roles: res.Roles}, res.Refusal
	}
	report := Report{Targets: res.Targets, Roles: res.Roles}
	for _, t := range res.Targets {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		if err := checkTarget(dir, t); err != nil {
			report.Problems = append(report.Problems, fmt.Errorf("target %s: %w; add it again", t.Name, err))
		}
	}
	s, err := load(dir)
	if err != nil {
		return Report{}, err
	}
	for role, is := range res.Roles {
		if due(s.root, role, is.Expires, now) {
			report.Soon = append(report.Soon, role)
		}
	}
	slices.Sort(report.Soon)
	return report, nil
}

func checkTarget(dir string, t trust.Target) error {
	f, err := os.Open(filepath.Join(dir, t.Path()))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	if n != t.Length || hex.EncodeToString(sum.Sum(nil)) != t.SHA256 {
		return errors.New("its file is not what is signed")
	}
	return nil
}
