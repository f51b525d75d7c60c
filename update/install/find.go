package install

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"clarityos/update/journal"
	"clarityos/update/manifest"
	"clarityos/update/order"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/source"
	"clarityos/update/trust"
)

// offer is the releases of this machine's image that a source has, by their versions.
type offer map[string]trust.Target

// offers gives what a source has for this machine, as far as it is signed.
func (u *Updater) offers(ctx context.Context, from source.Source) (offer, error) {
	u.tell(fmt.Sprintf("looking at what %s has", from), false)
	res, err := u.Refresh(ctx, from)
	if err != nil {
		return nil, err
	}
	folder := manifest.Folder(u.Machine.Channel, u.Machine.Name, u.Machine.Arch)
	out := offer{}
	for _, t := range res.Targets {
		if name, ok := strings.CutPrefix(t.Name, folder); ok {
			if version, ok := strings.CutSuffix(name, ".json"); ok {
				out[version] = t
			}
		}
	}
	return out, nil
}

// versions are those of an offer.
func (o offer) versions() []string {
	var all []string
	for v := range o {
		all = append(all, v)
	}
	return all
}

// check says which releases there are.
func (u *Updater) check(ctx context.Context) error {
	err := func() error {
		from, err := u.Open(u.where())
		if err != nil {
			return err
		}
		defer from.Close()
		all, err := u.offers(ctx, from)
		if err != nil {
			return err
		}
		u.status.Others = manifest.Newer(all.versions(), u.Machine.Version)
		if len(u.status.Others) == 0 {
			u.tell(fmt.Sprintf("%s has nothing newer than %s %s, which runs, in channel %s", from, u.Machine.Name, u.Machine.Version, u.Machine.Channel), true)
			return nil
		}
		u.status.Version = u.status.Others[0]
		m, err := Manifest(ctx, from, all[u.status.Version])
		if err != nil {
			return err
		}
		u.status.Notes = m.Notes
		u.tell(fmt.Sprintf("%s %s is there, and %s runs; `clarityctl update install` takes it", u.Machine.Name, u.status.Version, u.Machine.Version), true)
		return nil
	}()
	if ctx.Err() != nil {
		return err
	}
	if err != nil {
		u.status.Error = err.Error()
		u.tell(err.Error(), true)
	}
	return order.Drop(u.Dir)
}

// find gives the release that the order wants, once it is known that this machine can take
// it. Nothing is changed until then.
func (u *Updater) find(ctx context.Context, from source.Source) (*Release, error) {
	all, err := u.offers(ctx, from)
	if err != nil {
		return nil, err
	}
	version := u.order.Version
	if version == "" {
		newest := manifest.Newer(all.versions(), "")
		if len(newest) == 0 {
			return nil, fmt.Errorf("%s has nothing for %s on %s in channel %s", from, u.Machine.Name, u.Machine.Arch, u.Machine.Channel)
		}
		version = newest[0]
	}
	target, has := all[version]
	if !has {
		return nil, fmt.Errorf("%s has no %s %s for %s in channel %s; it has %s", from, u.Machine.Name, version, u.Machine.Arch, u.Machine.Channel,
			strings.Join(manifest.Newer(all.versions(), ""), ", "))
	}
	m, err := Manifest(ctx, from, target)
	if err != nil {
		return nil, err
	}
	if m.Version != version {
		return nil, fmt.Errorf("%s says that it is version %s", target.Name, m.Version)
	}
	u.status.Version, u.status.Notes = m.Version, m.Notes
	if err := u.accept(m); err != nil {
		return nil, err
	}
	if err := u.step(journal.Record{Step: journal.Accepted, Version: m.Version, Hash: target.SHA256}); err != nil {
		return nil, err
	}
	return fetchRelease(ctx, from, m)
}

// fetchRelease gets what belongs to a manifest.
func fetchRelease(ctx context.Context, from source.Source, m *manifest.Manifest) (*Release, error) {
	table, err := from.Get(ctx, m.Table.Name(manifest.TableSuffix), m.Table.Size)
	if err != nil {
		return nil, err
	}
	return NewRelease(m, table)
}

// Manifest gets a manifest by what is signed of it.
func Manifest(ctx context.Context, from source.Source, t trust.Target) (*manifest.Manifest, error) {
	if t.Length > manifest.SizeMost {
		return nil, fmt.Errorf("%s has %d bytes; a manifest has at most %d", t.Name, t.Length, manifest.SizeMost)
	}
	b, err := from.Get(ctx, t.Path(), t.Length)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != t.Length || fmt.Sprintf("%x", sha256.Sum256(b)) != t.SHA256 {
		return nil, fmt.Errorf("%s from %s is not what was signed", t.Path(), from)
	}
	m, err := manifest.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return m, nil
}

// accept says whether this machine can take a release now.
func (u *Updater) accept(m *manifest.Manifest) error {
	return u.Machine.record(func(rec *bootdisk.Record) error {
		s := u.Machine.slot()
		if running := rec.Now.Side(s.Other()); running.State != slots.Good {
			return fmt.Errorf("slot %v runs and is %v: until it is good nothing is written to the other one, which is what the machine would go back to", s.Other(), running.State)
		}
		facts, err := u.Machine.facts(rec.Now, journal.Refused(u.journal.Records))
		if err != nil {
			return err
		}
		return m.Accept(facts, manifest.Force{Older: u.order.Older, Again: u.order.Again})
	})
}
