package images

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/klauspost/compress/zstd"
)

// Report is all that is to be said about an image.
type Report struct {
	*Image
	Largest []File `json:"largest"` // the biggest files, at most 20
	Files   int    `json:"files"`
	// CompressedBytes is the size of the initramfs file.
	CompressedBytes uint64 `json:"compressed_bytes"`
}

// File is one path of an image.
type File struct {
	Path  string      `json:"path"` // absolute
	Mode  fs.FileMode `json:"mode"`
	UID   int         `json:"uid"`
	GID   int         `json:"gid"`
	Bytes uint64      `json:"bytes"`
	Link  string      `json:"link,omitempty"`
}

// Inspect reads the image's archive.
func (i *Image) Inspect() (*Report, error) {
	r := &Report{Image: i}
	info, err := os.Stat(i.Initramfs)
	if err != nil {
		return nil, fmt.Errorf("inspect image: %w", err)
	}
	r.CompressedBytes = uint64(info.Size())
	err = i.Walk(func(f File, _ io.Reader) error {
		r.Files++
		if f.Mode.IsRegular() {
			r.Largest = append(r.Largest, f)
		}
		return nil
	})
	sort.SliceStable(r.Largest, func(a, b int) bool { return r.Largest[a].Bytes > r.Largest[b].Bytes })
	r.Largest = r.Largest[:min(20, len(r.Largest))]
	return r, err
}

// Walk calls fn for each member of the image's archive, with its bytes (a
// link's are its target).
func (i *Image) Walk(fn func(File, io.Reader) error) error {
	f, err := os.Open(i.Initramfs)
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return fmt.Errorf("read image: %w", err)
	}
	defer z.Close()
	for in := bufio.NewReaderSize(z, 1<<20); ; { // what was baked is behind the image's own
		if err := walkNewc(in, fn); err != nil {
			return fmt.Errorf("read image %s: %w", i.Initramfs, err)
		}
		if _, err := in.Peek(1); errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// walkNewc reads an archive as WriteNewc writes it.
func walkNewc(r io.Reader, fn func(File, io.Reader) error) error {
	for {
		var head [110]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return fmt.Errorf("cut short: %w", err)
		}
		if string(head[:6]) != "070701" {
			return errors.New("not a newc archive")
		}
		var field [13]uint64
		for i := range field {
			n, err := strconv.ParseUint(string(head[6+8*i:14+8*i]), 16, 32)
			if err != nil {
				return fmt.Errorf("damaged header: %w", err)
			}
			field[i] = n
		}
		size, nameSize := int64(field[6]), field[11]
		if nameSize == 0 || nameSize > 4096 {
			return errors.New("damaged header: name length")
		}
		name := make([]byte, (nameSize+2+3)&^3-2)
		if _, err := io.ReadFull(r, name); err != nil {
			return err
		}
		p := string(name[:nameSize-1])
		if p == "TRAILER!!!" {
			return nil
		}
		mode := uint32(field[1])
		f := File{Path: "/" + p, Mode: goMode(mode) | goType(mode), UID: int(field[2]), GID: int(field[3]), Bytes: uint64(size)}
		body := &io.LimitedReader{R: r, N: size}
		if f.Mode&fs.ModeSymlink != 0 {
			target, err := io.ReadAll(body)
			if err != nil {
				return err
			}
			f.Link = string(target)
		}
		if err := fn(f, body); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, body.N+(-size&3)); err != nil {
			return err
		}
	}
}

func goType(unix uint32) fs.FileMode {
	switch unix & 0o170000 {
	case 0o040000:
		return fs.ModeDir
	case 0o120000:
		return fs.ModeSymlink
	case 0o020000:
		return fs.ModeDevice | fs.ModeCharDevice
	case 0o060000:
		return fs.ModeDevice
	case 0o010000:
		return fs.ModeNamedPipe
	}
	return 0
}

// Cat writes the named files of the image to w; of a folder, its list. A path
// that is not there is an error.
func (i *Image) Cat(w io.Writer, paths []string) error {
	for _, p := range paths {
		p = strings.TrimSuffix(usrMerged(p), "/")
		found := false
		err := i.Walk(func(f File, r io.Reader) error {
			switch {
			case f.Path == p && f.Link != "":
				found = true
				_, err := fmt.Fprintf(w, "%s -> %s\n", f.Path, f.Link)
				return err
			case f.Path == p:
				found = true
				_, err := io.Copy(w, r)
				return err
			case path.Dir(f.Path) == p || p == "" && path.Dir(f.Path) == "/":
				found = true
				_, err := fmt.Fprintf(w, "%s %5d %5d %10d %s\n", f.Mode, f.UID, f.GID, f.Bytes, f.Path)
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("the image has no %s", p)
		}
	}
	return nil
}

// Write prints the report for a person.
func (r *Report) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	row := func(key string, format string, args ...any) { fmt.Fprintf(w, key+"\t"+format+"\n", args...) }
	row("image", "%s (%s)", r.Name, r.Arch)
	row("id", "%s", r.ID)
	row("kernel", "%s", r.KernelRelease)
	row("command line", "%s", r.Cmdline)
	row("archive", "%s, %d files", size(r.CompressedBytes), r.Files)
	if r.Data {
		row("data disk", "%s on /var", size(r.DataSize))
	}
	for _, f := range r.Forwards {
		row("forward", "127.0.0.1:%d to %d", f.Host, f.Guest)
	}
	row("units", "%s", strings.Join(r.Units, " "))
	row("loaded at boot", "%s", strings.Join(r.Modules, " "))
	for _, u := range r.Users {
		row("user", "%s", u)
	}
	for _, p := range r.Packages {
		row("package", "%s %s", p.Name, p.Version)
	}
	if r.Baked != nil {
		row("baked", "%s", r.Baked.What)
	}
	for _, f := range r.Findings {
		row("note", "%s", f)
	}
	for _, f := range r.Largest {
		row("large file", "%s %s", size(f.Bytes), f.Path)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return WriteParts(out, r.Image)
}

// WriteParts prints the image's sizes by part: before compression, the largest
// first, small ones in one line.
func WriteParts(out io.Writer, i *Image) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	var rest Part
	for n, p := range i.Parts {
		if n >= 25 {
			rest.Bytes += p.Bytes
			rest.Files += p.Files
			continue
		}
		fmt.Fprintf(w, "%s\t%d files\t  %s\n", size(p.Bytes), p.Files, p.Name)
	}
	if rest.Files > 0 {
		fmt.Fprintf(w, "%s\t%d files\t  %d smaller parts\n", size(rest.Bytes), rest.Files, len(i.Parts)-25)
	}
	if info, err := os.Stat(i.Initramfs); err == nil {
		fmt.Fprintf(w, "%s\t\t  the archive, compressed\n", size(uint64(info.Size())))
	}
	return w.Flush()
}

func size(bytes uint64) string {
	switch {
	case bytes >= 10<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 10<<10:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}
