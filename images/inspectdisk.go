package images

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"clarityos/images/disk"
	"clarityos/images/uki"
	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/slots/bootdisk"
	"clarityos/update/verity"
)

// DiskReport is what a disk has on it.
type DiskReport struct {
	Path       string          `json:"path"`
	Bytes      uint64          `json:"bytes"`
	Partitions []DiskPartition `json:"partitions"`
	Record     *slots.Shown    `json:"record,omitempty"`
	Problems   []string        `json:"problems,omitempty"` // what is not as it should be
	Entries    []DiskEntry     `json:"entries"`            // what the loader can boot
	Roots      []DiskRoot      `json:"roots"`
	UBoot      []string        `json:"u_boot,omitempty"` // its variables, where it is what boots the disk

	record *slots.Record
}

// DiskPartition is one of a disk.
type DiskPartition struct {
	Name  string `json:"name"`
	Type  string `json:"type"` // in a word, or the GUID of one that is not known
	GUID  string `json:"guid"`
	Start int64  `json:"start"` // bytes
	Bytes int64  `json:"bytes"`
}

// DiskEntry is a boot entry of the loader, with its text.
type DiskEntry struct {
	Name   string `json:"name"`
	Text   string `json:"text"`
	Signed *bool  `json:"signed,omitempty"` // its unified kernel image, if it has one, for Secure Boot
}

// DiskRoot is the root in a slot.
type DiskRoot struct {
	Slot       string `json:"slot"`
	Bytes      uint64 `json:"bytes"`
	Root       string `json:"root"` // what the hash tree of its blocks comes to
	Signed     bool   `json:"signed"`
	Compressed bool   `json:"compressed"`
}

// kinds are types of partitions in a word.
var kinds = map[string]string{disk.ESP: "EFI system", disk.State: "slot record", disk.Var: "/var"}

func init() {
	for arch := range disk.Root {
		kinds[disk.Root[arch]], kinds[disk.Verity[arch]] = "root "+arch, "verity "+arch
	}
}

// InspectDisk reads the disk in a file, and checks its roots by their hash trees.
func InspectDisk(path string) (*DiskReport, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("inspect disk: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("inspect disk: %w", err)
	}
	storage := file.New(f, true)
	table, err := gpt.Read(storage, disk.Sector, disk.Sector)
	if err != nil {
		return nil, fmt.Errorf("inspect disk %s: its partition table: %w", path, err)
	}
	r := &DiskReport{Path: path, Bytes: uint64(info.Size())}
	at := map[string]*io.SectionReader{}
	var esp *fat32.FileSystem
	for _, p := range table.Partitions {
		kind := string(p.Type)
		if k, ok := kinds[strings.ToUpper(kind)]; ok {
			kind = k
		}
		part := DiskPartition{p.Name, kind, p.GUID, int64(p.Start) * disk.Sector, int64(p.Size)}
		if part.Bytes == 0 {
			continue // an entry that is not used
		}
		r.Partitions = append(r.Partitions, part)
		at[p.Name] = io.NewSectionReader(f, part.Start, part.Bytes)
		if p.Name != bootdisk.ESP {
			continue
		}
		if esp, err = fat32.Read(storage, part.Bytes, part.Start, disk.Sector); err == nil {
			err = r.readEntries(esp)
		}
		r.problem("the loader's partition: %w", err)
	}
	r.readRecord(at[bootdisk.State])
	for _, s := range []slots.Slot{slots.A, slots.B} {
		if esp != nil && r.record != nil {
			r.problem("slot "+s.String()+": %w", loader.Check(esp, s, r.record.Side(s).Boot))
		}
		r.problem("slot "+s.String()+": %w", r.readRoot(s, at[bootdisk.Root+"-"+s.String()], at[bootdisk.Verity+"-"+s.String()]))
	}
	return r, nil
}

func (r *DiskReport) problem(format string, err error) {
	if err != nil {
		r.Problems = append(r.Problems, strings.Split(fmt.Errorf(format, err).Error(), "\n")...)
	}
}

// efiLine is the line of a boot entry that names an EFI program, which is a unified kernel
// image here.
var efiLine = regexp.MustCompile(`(?m)^efi\s+/(\S+)`)

func (r *DiskReport) readEntries(esp *fat32.FileSystem) error {
	const dir = "loader/entries"
	all, err := esp.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), ".conf") {
			continue
		}
		text, err := esp.ReadFile(dir + "/" + e.Name())
		if err != nil {
			return fmt.Errorf("boot entry %s: %w", e.Name(), err)
		}
		entry := DiskEntry{Name: strings.TrimSuffix(e.Name(), ".conf"), Text: string(text)}
		if m := efiLine.FindStringSubmatch(entry.Text); m != nil {
			signed := false
			program, err := esp.ReadFile(m[1])
			if err == nil {
				signed, err = uki.Signed(program)
			}
			if err != nil {
				r.problem("the loader's partition: %w", fmt.Errorf("boot entry %s: %s: %w", e.Name(), m[1], err))
			}
			entry.Signed = &signed
		}
		r.Entries = append(r.Entries, entry)
	}
	slices.SortFunc(r.Entries, func(a, b DiskEntry) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (r *DiskReport) readRecord(part *io.SectionReader) {
	if part == nil {
		r.problem("%w", fmt.Errorf("it has no partition %s", bootdisk.State))
		return
	}
	var err error
	if r.record, err = slots.Read(readOnly{part}); r.record == nil {
		r.problem("%w", err)
		return
	}
	shown := r.record.Show()
	r.Record = &shown
	if slot, once, err := loader.ReadUBoot(part); err == nil && slot != slots.None {
		r.UBoot = loader.UBootVariables(slot, once)
	}
}

// readOnly is a partition that is not written.
type readOnly struct{ io.ReaderAt }

func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, os.ErrPermission }

// readRoot checks the root of a slot, unless there is none.
func (r *DiskReport) readRoot(s slots.Slot, data, hashes *io.SectionReader) error {
	if data == nil || hashes == nil {
		return fmt.Errorf("it has no partition %s-%v or %s-%v", bootdisk.Root, s, bootdisk.Verity, s)
	}
	block := make([]byte, verity.Block)
	if _, err := io.ReadFull(hashes, block); err != nil {
		return fmt.Errorf("its hash tree: %w", err)
	}
	empty := len(bytes.Trim(block, "\x00")) == 0
	if state := r.state(s); empty && (state == slots.Empty || state == slots.Writing) {
		return nil
	}
	head, err := verity.Superblock(block)
	if err != nil {
		return fmt.Errorf("its hash tree: %w", err)
	}
	length := int64(head.Blocks) * verity.Block
	if length > data.Size() {
		return fmt.Errorf("its hash tree is of %d bytes, and the partition has %d", length, data.Size())
	}
	tree, err := verity.Make(io.LimitReader(data, length), head.Salt, head.UUID)
	if err != nil {
		return fmt.Errorf("its root: %w", err)
	}
	root := DiskRoot{Slot: s.String(), Bytes: uint64(length), Root: fmt.Sprintf("%x", tree.Root), Signed: len(head.Signature) > 0}
	if root.Compressed, err = erofsCompressed(data); err != nil {
		return fmt.Errorf("its root: %w", err)
	}
	r.Roots = append(r.Roots, root)
	if r.record != nil && r.record.Side(s).Root != tree.Root {
		return fmt.Errorf("its root is %s, and the record wants %x", root.Root, r.record.Side(s).Root)
	}
	return nil
}

func (r *DiskReport) state(s slots.Slot) slots.State {
	if r.record == nil {
		return slots.Empty
	}
	return r.record.Side(s).State
}

var (
	signedWords     = map[bool]string{true: "signed", false: "not signed"}
	compressedWords = map[bool]string{true: "compressed", false: "plain"}
)

// Write prints the report for a person.
func (r *DiskReport) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "disk\t%s, %s\n", r.Path, size(r.Bytes))
	for _, p := range r.Partitions {
		fmt.Fprintf(w, "partition\t%s\t%s at %s\t%s\t%s\n", p.Name, size(uint64(p.Bytes)), size(uint64(p.Start)), p.Type, p.GUID)
	}
	if r.Record != nil {
		for _, line := range r.Record.Lines("") {
			fmt.Fprintf(w, "record\t%s\n", line)
		}
	}
	for _, v := range r.UBoot {
		fmt.Fprintf(w, "U-Boot\t%s\n", v)
	}
	for _, root := range r.Roots {
		fmt.Fprintf(w, "root %s\t%s\t%s, %s\t%s\n", root.Slot, size(root.Bytes), compressedWords[root.Compressed], signedWords[root.Signed], root.Root)
	}
	for _, e := range r.Entries {
		fmt.Fprintf(w, "boot entry\t%s\n", e.Name)
		for line := range strings.Lines(e.Text) {
			fmt.Fprintf(w, "\t%s\n", strings.TrimSpace(line))
		}
		if e.Signed != nil {
			fmt.Fprintf(w, "\tunified kernel image, %s\n", signedWords[*e.Signed])
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "problem\t%s\n", p)
	}
	return w.Flush()
}
