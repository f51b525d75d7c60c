package updatetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"clarityos/qemu/blocklog"
	"clarityos/update/gpt"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/verity"
)

// model says of a disk after a cut of power whether a machine boots from it, and what: the old
// system or the new one, never neither. It reads what firmware, loader and stage 1 read, and
// decides as they do.
type model struct {
	disk   *blocklog.Disk
	size   int64 // of the disk, in bytes
	parts  []gpt.Partition
	before slots.Record // what the disk had
	newer  slots.Side   // what slot B comes to have
	loader [32]byte     // the digest of the firmware's files on the loader's partition

	seq    uint64           // of the latest record that had to be on the disk
	files  files            // of the loader's partition, as it was looked at last
	known  map[string]error // what was found, by what was looked at and the version of its bytes
	looked int              // … how often that was not known yet
	lost   int              // clusters of the loader's partition that were lost, at most
}

// blockRange is a part of the disk, in bytes.
type blockRange struct{ at, size int64 }

// newModel is one of a disk before anything is written to it.
func newModel(disk *blocklog.Disk, size int64) (*model, error) {
	m := &model{disk: disk, size: size, known: map[string]error{}}
	table, err := gpt.Read(disk, size)
	if err != nil {
		return nil, err
	}
	m.parts = table.Partitions()
	rec, err := slots.Read(m.part(bootdisk.State))
	if rec == nil || err != nil {
		return nil, fmt.Errorf("the disk before the update: %w", err)
	}
	m.before, m.seq = *rec, rec.Seq
	return m, nil
}

// ends takes the new system from the disk that all writes have left, where slot B is good with it.
func (m *model) ends(writes int) error {
	m.disk.Set(blocklog.Cut{Whole: writes})
	rec, err := slots.Read(m.part(bootdisk.State))
	if rec == nil || err != nil {
		return fmt.Errorf("the disk after the update: %w", err)
	}
	m.newer = *rec.Side(slots.B)
	if m.newer.State != slots.Good || m.before.Side(slots.A).State != slots.Good || m.before.Side(slots.B).State != slots.Good || m.newer.Root == m.before.Side(slots.A).Root {
		return fmt.Errorf("the record of slots is %+v after the update, and was %+v", rec, m.before)
	}
	return nil
}

// once gives what work finds, which it does once for each version of these ranges.
func (m *model) once(what string, work func() error, ranges ...blockRange) error {
	key := what + ": " + m.version(ranges)
	err, has := m.known[key]
	if !has {
		err = work()
		m.known[key] = err
		m.looked++
	}
	return err
}

func (m *model) version(ranges []blockRange) string {
	var all []string
	for _, r := range ranges {
		all = append(all, fmt.Sprintf("%d %s", r.at, m.disk.Version(r.at, r.size)))
	}
	return strings.Join(all, ", ")
}

// of is where a partition lies.
func (m *model) of(name string) blockRange {
	i := slices.IndexFunc(m.parts, func(p gpt.Partition) bool { return p.Name == name })
	p := m.parts[i]
	return blockRange{int64(p.First) * gpt.Sector, int64(p.Last-p.First+1) * gpt.Sector}
}

// partition is one of a disk, to be read.
type partition struct {
	*io.SectionReader
	io.WriterAt // nobody does
}

func (m *model) part(name string) partition {
	r := m.of(name)
	return partition{io.NewSectionReader(m.disk, r.at, r.size), nil}
}

// check is what is wrong with the disk that a cut has left.
func (m *model) check(c blocklog.Cut) error {
	m.disk.Set(c)
	err := m.once("table", m.table, blockRange{0, gpt.HeadSize}, blockRange{m.size - gpt.HeadSize, gpt.HeadSize})
	if err != nil {
		return err // and nothing else can be found
	}
	rec, problem := slots.Read(m.part(bootdisk.State))
	if rec == nil {
		return problem
	}
	if rec.Seq < m.seq {
		return fmt.Errorf("the record of slots is number %d, and number %d was on the disk before", rec.Seq, m.seq)
	}
	if len(c.Kept) == 0 {
		m.seq = rec.Seq
	}
	if err := m.look(); err != nil {
		return err
	}
	return errors.Join(m.firmware(), m.sides(rec), m.boots(rec))
}

// table holds the partitions to be what they were.
func (m *model) table() error {
	table, err := gpt.Read(m.disk, m.size)
	if err == nil && !slices.Equal(table.Partitions(), m.parts) {
		err = fmt.Errorf("the partitions are %+v, and were %+v", table.Partitions(), m.parts)
	}
	return err
}

// sides holds what the record says of each slot to be so, slot A to be as it was, and slot B to
// be as it was, to have no system or the new one.
func (m *model) sides(rec *slots.Record) (err error) {
	if *rec.Side(slots.A) != *m.before.Side(slots.A) {
		err = fmt.Errorf("slot a is %+v, and was %+v", *rec.Side(slots.A), *m.before.Side(slots.A))
	}
	err = errors.Join(err, m.slot(slots.A, rec.Side(slots.A)))
	b := *rec.Side(slots.B)
	if b.State == slots.Writing {
		return err
	}
	if b != *m.before.Side(slots.B) && (b.State < slots.Installed || b.State > slots.Good || b.Root != m.newer.Root || b.Boot != m.newer.Boot || b.Version != m.newer.Version) {
		err = errors.Join(err, fmt.Errorf("slot b is %+v, was %+v and comes to be %+v", b, *m.before.Side(slots.B), m.newer))
	}
	return errors.Join(err, m.slot(slots.B, &b))
}

// boots holds every choice that stage 1 may come to, whatever the loader has booted, to be a slot
// with a whole system, which is no worse than what the record wants.
func (m *model) boots(rec *slots.Record) (err error) {
	for _, loaded := range []slots.Slot{slots.None, slots.A, slots.B} {
		c := slots.Choose(rec, slots.Boot{Loaded: loaded})
		is := slots.Empty
		if c.Slot != slots.None {
			is = rec.Side(c.Slot).State
		}
		if c.Do == slots.Rescue || c.Worse || c.Tired || is != slots.Good && is != slots.Trying {
			err = errors.Join(err, fmt.Errorf("with the kernel of slot %v, stage 1 would do %+v: slot %v is %v", loaded, c, c.Slot, is))
		}
	}
	return err
}

// slot holds a slot to have the whole system that the record names.
func (m *model) slot(s slots.Slot, side *slots.Side) error {
	root, tree := bootdisk.Root+"-"+s.String(), bootdisk.Verity+"-"+s.String()
	err := m.once(fmt.Sprintf("root %x", side.Root), func() error { return whole(m.part(root), m.part(tree), side.Root) }, m.of(root), m.of(tree))
	var ranges []blockRange
	kept := fstest.MapFS{}
	for _, f := range m.files.Files {
		if f.Folder || path.Dir(f.Path) != loader.Entry(s) && f.Path != loader.Paths(s)[0] {
			continue
		}
		if !m.files.Same(f) {
			err = errors.Join(err, fmt.Errorf("the tables do not have the same for %s", f.Path))
		}
		if f.Broken != nil {
			return errors.Join(err, fmt.Errorf("%s: %w", f.Path, f.Broken))
		}
		ranges = append(ranges, m.clusters(f)...)
		kept[f.Path] = nil
	}
	return errors.Join(err, m.once(fmt.Sprintf("files of slot %v %x", s, side.Boot), func() error {
		for _, f := range m.files.Files {
			if _, has := kept[f.Path]; has {
				data, err := m.data(f)
				if err != nil {
					return err
				}
				kept[f.Path] = &fstest.MapFile{Data: data}
			}
		}
		if err := loader.Check(kept, s, side.Boot); err != nil {
			return fmt.Errorf("slot %v: %w", s, err)
		}
		if entry := kept[loader.Paths(s)[0]].Data; !strings.Contains(string(entry), fmt.Sprintf("clarity.root=%x", side.Root)) {
			return fmt.Errorf("the boot entry of slot %v is not that of root %x: %s", s, side.Root, entry)
		}
		return nil
	}, joined(ranges)...))
}

// joined makes one of ranges that lie one behind the other.
func joined(all []blockRange) (out []blockRange) {
	for _, r := range all {
		if n := len(out); n > 0 && out[n-1].at+out[n-1].size == r.at {
			out[n-1].size += r.size
			continue
		}
		out = append(out, r)
	}
	return out
}

// whole holds data and hash tree to have a root hash.
func whole(data, tree partition, want verity.Hash) error {
	head := make([]byte, verity.Block)
	if _, err := tree.ReadAt(head, 0); err != nil {
		return err
	}
	is, err := verity.Superblock(head)
	if err != nil {
		return err
	}
	made, err := verity.Make(io.NewSectionReader(data, 0, int64(is.Blocks)*verity.Block), is.Salt, is.UUID)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := made.WriteTo(&b); err != nil {
		return err
	}
	there := make([]byte, b.Len())
	if _, err := tree.ReadAt(there, 0); err != nil {
		return err
	}
	if made.Root != want || !bytes.Equal(there[verity.Block:], b.Bytes()[verity.Block:]) {
		return fmt.Errorf("the root's hash is %x and has to be %x, or its tree on the disk is another one", made.Root, want)
	}
	return nil
}
