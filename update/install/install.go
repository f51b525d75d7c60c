package install

import (
	"context"
	"errors"
	"fmt"

	"clarityos/update/etc"
	"clarityos/update/journal"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/source"
)

// write puts a release into the slot that does not run, whatever is in it, and has the record
// say so: from the first byte on that nothing is there, and at the end that all of it is, on
// the disk and read back.
func (u *Updater) write(ctx context.Context, r *Release, from source.Source) error {
	m, s := u.Machine, u.Machine.slot()
	err := m.record(func(rec *bootdisk.Record) error {
		if rec.Now.Side(s).State == slots.Writing {
			return nil
		}
		next, err := rec.Now.BeginWrite(s, s.Other())
		if err != nil {
			return err
		}
		return rec.Write(next)
	})
	if err == nil {
		err = u.step(journal.Record{Step: journal.Writing, Slot: s.String()})
	}
	if err == nil {
		err = etc.Forget(m.Etc, s.String())
	}
	if err != nil {
		return err
	}
	if err := m.Mend(); err != nil {
		u.say(err.Error()) // it may do as it is
	}
	var side slots.Side
	err = m.ESP(func(dir string) error {
		boot, err := openBoot(dir, s, m.State, r.Boot)
		if err != nil {
			return fmt.Errorf("the loader's partition: %w", err)
		}
		side, err = u.parts(ctx, r, boot, from)
		return errors.Join(err, boot.close())
	})
	if err != nil {
		return err
	}
	return m.record(func(rec *bootdisk.Record) error {
		if rec.Now.Side(s).State != slots.Writing {
			return fmt.Errorf("slot %v is %v: somebody else has changed it meanwhile", s, rec.Now.Side(s).State)
		}
		return rec.Write(rec.Now.Wrote(s, side))
	})
}

// parts writes all parts, reads them back, and only then puts the loader's files in place.
func (u *Updater) parts(ctx context.Context, r *Release, boot *bootFiles, from source.Source) (side slots.Side, err error) {
	m := u.Machine
	root, err := m.disk(bootdisk.Root)
	if err != nil {
		return side, err
	}
	defer root.Close()
	tree, err := m.disk(bootdisk.Verity)
	if err != nil {
		return side, err
	}
	defer tree.Close()
	bases, files, err := m.bases()
	if err != nil {
		u.say(fmt.Sprintf("%v; more has to be fetched", err)) // nothing depends on it
	}
	for _, f := range boot.bases() {
		files = append(files, f)
		if info, err := f.Stat(); err == nil {
			bases = append(bases, Base{f, info.Size()})
		}
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	u.tell("looking for what is here already of "+r.Version, false)
	if err := Write(ctx, r, append([]File{root, tree}, boot.targets()...), bases, from, u.progress); err != nil {
		return side, err
	}
	if err := errors.Join(root.check(r.Root.Blob), tree.check(r.Tree.Blob)); err != nil {
		return side, err
	}
	if err := u.step(journal.Record{Step: journal.Written, Fetched: u.status.Fetched, Whole: u.status.Whole}); err != nil {
		return side, err
	}
	for i, f := range boot.open {
		if f.text != nil {
			if err := m.needsState(f.text.bytes); err != nil {
				return side, fmt.Errorf("%s: %w", boot.files[i].Path, err)
			}
		}
	}
	digest, err := boot.finish()
	return slots.Side{Security: r.Security, Root: r.Hash, Boot: digest, Version: r.Version}, err
}
