package manifest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"

	"clarityos/update/chunks"
	"clarityos/update/slots"
	"clarityos/update/verity"
)

// Bounds of what a manifest says.
const (
	nameMost       = 63
	componentsMost = 4096
	boundsMost     = 64 // requirements and conflicts of a component
	filesMost      = 256
	unitsMost      = 256
	notesMost      = 64 << 10
	rangeMost      = 128
	textMost       = 64 << 10 // bytes of a file in which words are replaced: loader.Digest takes longer ones as they are
	sizeMost       = 1 << 40  // bytes of a root
	fileMost       = 1 << 30  // bytes of a file on the loader's partition
	secondsMost    = 24 * 3600
)

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._+-]*$`)
	// pathForm keeps to what a FAT and every loader take.
	pathForm = regexp.MustCompile(`^[A-Za-z0-9._{}+-]+(/[A-Za-z0-9._{}+-]+){0,7}$`)
)

// Check says what is wrong with a manifest by itself: the first of it, with its place.
func (m *Manifest) Check() error {
	for _, c := range []error{
		name("name", m.Name), version("version", m.Version), arch(m.Arch), m.State.check(), m.Health.check(),
		text("kernel", m.Kernel, nameMost), text("notes", m.Notes, notesMost),
	} {
		if c != nil {
			return c
		}
	}
	if len(m.Version) > slots.MaxVersion {
		return fmt.Errorf("version: %q has %d bytes; at most %d can be", m.Version, len(m.Version), slots.MaxVersion)
	}
	if m.Board != "" {
		if err := name("board", m.Board); err != nil {
			return err
		}
	}
	if m.Restart != Restart {
		return fmt.Errorf("restart: %q is no kind of restart that is known; it is %q", m.Restart, Restart)
	}
	if err := m.checkComponents(); err != nil {
		return err
	}
	return m.checkParts()
}

func arch(a string) error {
	if a != "amd64" && a != "arm64" {
		return fmt.Errorf("arch: %q is neither amd64 nor arm64", a)
	}
	return nil
}

func name(where, s string) error {
	if len(s) > nameMost || !nameForm.MatchString(s) {
		return fmt.Errorf("%s: %q is no name of a-z, 0-9, and . _ + - within, of at most %d bytes", where, s, nameMost)
	}
	return nil
}

func version(where, s string) error {
	if len(s) > nameMost {
		return fmt.Errorf("%s: %d bytes; at most %d can be", where, len(s), nameMost)
	}
	if _, err := semver.StrictNewVersion(s); err != nil {
		return fmt.Errorf("%s: %q is no version such as 1.2.3 or 1.2.3-rc.1: %w", where, s, err)
	}
	return nil
}

// text refuses what would do something to a terminal.
func text(where, s string, most int) error {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if len(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, control) {
		return fmt.Errorf("%s: it is no text of at most %d bytes without control characters", where, most)
	}
	return nil
}

func (s State) check() error {
	if s.From > s.To {
		return fmt.Errorf("state: the lowest schema is %d and the highest %d", s.From, s.To)
	}
	return nil
}

func (h Health) check() error {
	if h.For > secondsMost || h.Within > secondsMost || h.Within == 0 {
		return fmt.Errorf("health: %d s within %d s; each is at most %d, and within at least 1", h.For, h.Within, secondsMost)
	}
	if len(h.Units) > unitsMost {
		return fmt.Errorf("health.units: %d units; at most %d can be", len(h.Units), unitsMost)
	}
	for _, u := range h.Units {
		if err := text("health.units", u, 255); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manifest) checkComponents() error {
	if len(m.Components) > componentsMost {
		return fmt.Errorf("components: %d; at most %d can be", len(m.Components), componentsMost)
	}
	for i, c := range m.Components {
		where := fmt.Sprintf("components[%d]", i)
		if err := name(where, c.Name); err != nil {
			return err
		}
		if i > 0 && m.Components[i-1].Name >= c.Name {
			return fmt.Errorf("%s: %q comes after %q; they are sorted, and each is there once", where, c.Name, m.Components[i-1].Name)
		}
		if err := text(where+".version", c.Version, nameMost); err != nil {
			return err
		}
		bounds := slices.Concat(c.Requires, c.Conflicts)
		if len(bounds) > boundsMost {
			return fmt.Errorf("%s: %d requirements and conflicts; at most %d can be", where, len(bounds), boundsMost)
		}
		for _, r := range bounds {
			if err := name(where, r.Name); err != nil {
				return err
			}
			if _, err := r.constraint(); err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
		}
	}
	return nil
}

// constraint reads the range.
func (r Requirement) constraint() (*semver.Constraints, error) {
	if len(r.Range) > rangeMost {
		return nil, fmt.Errorf("the range of %s has %d bytes; at most %d can be", r.Name, len(r.Range), rangeMost)
	}
	c, err := semver.NewConstraint(r.Range)
	if err != nil {
		return nil, fmt.Errorf("%q is no range of versions of %s, such as \">= 1.2, < 2\": %w", r.Range, r.Name, err)
	}
	return c, nil
}

func (m *Manifest) checkParts() error {
	if m.Root.Size <= 0 || m.Root.Size > sizeMost || m.Root.Size%verity.Block != 0 {
		return fmt.Errorf("root: %d bytes; it takes whole blocks of %d, and at most %d bytes", m.Root.Size, verity.Block, int64(sizeMost))
	}
	if want := verity.Size(uint64(m.Root.Size / verity.Block)); m.Tree.Size != want {
		return fmt.Errorf("tree: %d bytes, and that of a root of %d bytes has %d", m.Tree.Size, m.Root.Size, want)
	}
	if m.Table.Size <= 0 || m.Table.Size > chunks.TableMost {
		return fmt.Errorf("table: %d bytes; at most %d can be", m.Table.Size, chunks.TableMost)
	}
	if m.Packed.Size <= 0 || m.Packed.Size > 2*sizeMost {
		return fmt.Errorf("packed: %d bytes; at most %d can be", m.Packed.Size, int64(2*sizeMost))
	}
	for i, p := range m.Parts() {
		if p.Places < 0 || p.Places > chunks.SequenceMost {
			return fmt.Errorf("part %d: %d places of chunks; at most %d can be", i, p.Places, chunks.SequenceMost)
		}
	}
	if len(m.Boot) == 0 || len(m.Boot) > filesMost {
		return fmt.Errorf("boot: %d files; 1 to %d can be", len(m.Boot), filesMost)
	}
	for i, f := range m.Boot {
		if err := f.check(); err != nil {
			return fmt.Errorf("boot[%d]: %w", i, err)
		}
		for _, other := range m.Boot[:i] {
			if strings.EqualFold(other.Path, f.Path) && (other.Slot == f.Slot || other.Slot == "" || f.Slot == "") {
				return fmt.Errorf("boot[%d]: %s is there twice", i, f.Path)
			}
		}
	}
	return nil
}

// check holds a file to its own slot's places: its folder, and its boot entry.
func (f File) check() error {
	if !pathForm.MatchString(f.Path) || path.Clean(f.Path) != f.Path || len(f.Path) > 255 {
		return fmt.Errorf("%q is no path on a loader's partition", f.Path)
	}
	if f.Path != EntryPath && !strings.HasPrefix(f.Path, FolderPath) {
		return fmt.Errorf("%s is no slot's own: that is %s, and what is in %s", f.Path, EntryPath, FolderPath)
	}
	if strings.ContainsAny(strings.ReplaceAll(f.Path, SlotWord, ""), "{}") || strings.Contains(f.Path[len(FolderPath):], "/") && f.Path != EntryPath {
		return fmt.Errorf("%q has a word that is none, or a folder within the slot's", f.Path)
	}
	if f.Slot != "" && slots.Named(f.Slot) == slots.None {
		return fmt.Errorf("%s: %q is no slot; it is a, b, or not there", f.Path, f.Slot)
	}
	if f.Size < 0 || f.Size > fileMost || f.Text && f.Size > textMost {
		return fmt.Errorf("%s has %d bytes; at most %d can be, and %d of text", f.Path, f.Size, fileMost, textMost)
	}
	return nil
}

// A slot's own places on the loader's partition, see loader.Paths.
const (
	FolderPath = "clarity-" + SlotWord + "/"
	EntryPath  = "loader/entries/clarity-" + SlotWord + ".conf"
)
