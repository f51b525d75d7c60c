package log

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound a store. The zero value stands for the defaults.
type Limits struct {
	SegmentBytes int64         // a segment is sealed when it is this long; 4 MiB
	SegmentAge   time.Duration // or when its first record is this old; 30 days
	TotalBytes   int64         // the oldest segments go when all are longer; 64 MiB
	// KeepFree is what is left free of the file system, in bytes: the
	// store may have less than TotalBytes then, but never less than two
	// segments. The default is journald's: 15 %, at most 4 GiB. Below
	// zero nothing is kept free.
	KeepFree int64
	MaxAge   time.Duration // segments whose last record is older go; 0 for never
}

func (l Limits) filled() Limits {
	if l.SegmentBytes <= 0 {
		l.SegmentBytes = 4 << 20
	}
	if l.TotalBytes <= 0 {
		l.TotalBytes = 64 << 20
	}
	l.TotalBytes = max(l.TotalBytes, 2*l.SegmentBytes)
	if l.SegmentAge <= 0 {
		l.SegmentAge = 30 * 24 * time.Hour
	}
	if l.MaxAge > 0 {
		l.SegmentAge = min(l.SegmentAge, l.MaxAge)
	}
	return l
}

// sealed reports whether a segment is to be followed by another one.
func (l Limits) sealed(size int64, age time.Duration) bool {
	return size >= l.SegmentBytes || age >= l.SegmentAge
}

// held is what is known of a segment without reading it.
type held struct {
	segmentName
	size int64
	age  time.Duration // of its last record
	live bool          // it is written, and stays
}

// space is what a file system has.
type space struct{ total, free int64 }

// allowed returns how long all segments may be that are used long at present.
func (l Limits) allowed(used int64, disk space) int64 {
	keep := l.KeepFree
	if keep == 0 {
		keep = min(disk.total/100*15, 4<<30)
	}
	if keep < 0 || disk.total == 0 {
		return l.TotalBytes
	}
	return max(min(l.TotalBytes, used+disk.free-keep), 2*l.SegmentBytes)
}

// excess returns which of the segments, oldest first, have to go.
func (l Limits) excess(segments []held, disk space) (gone []held) {
	var used int64
	for _, s := range segments {
		used += s.size
	}
	allowed := l.allowed(used, disk)
	for _, s := range segments {
		if !s.live && (used > allowed || l.MaxAge > 0 && s.age > l.MaxAge) {
			gone = append(gone, s)
			used -= s.size
		}
	}
	return gone
}

// survey lists the segments of a store, where live is the number of the one
// that is written. No record of this boot is older than the boot: where the
// clock began in 1970, what was written before it was set is not 50 years old.
func survey(dir, boot string, live uint64) ([]held, space, error) {
	names, err := listSegments(dir)
	if err != nil {
		return nil, space{}, err
	}
	uptime := time.Duration(readMonotonic()) * time.Microsecond
	var segments []held
	for _, n := range names {
		info, err := os.Stat(n.path)
		if err != nil {
			continue // dropped meanwhile
		}
		s := held{segmentName: n, size: info.Size(), age: time.Since(info.ModTime()), live: n.number == live}
		if s.age > uptime && bootOf(n) == boot {
			s.age = uptime
		}
		segments = append(segments, s)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return segments, space{}, nil // nothing is known, and nothing kept free
	}
	return segments, space{int64(fs.Blocks) * fs.Bsize, int64(fs.Bavail) * fs.Bsize}, nil
}

// bootOf returns the boot of a segment, or "" if its head cannot be read.
func bootOf(name segmentName) string {
	file, err := os.Open(name.path)
	if err != nil {
		return ""
	}
	defer file.Close()
	h, _, _, err := openHead(file)
	if err != nil {
		return ""
	}
	return h.Boot
}

func (n segmentName) remove() error {
	_ = os.Remove(n.index()) // it may not be there
	if err := os.Remove(n.path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// Vacuum removes what is beyond the limits, as the writer does. The newest
// segment stays, since it is written; a writer may be at work. It returns how
// many bytes went.
func Vacuum(dir string, total int64, age time.Duration) (int64, error) {
	dir = Locate(dir)
	names, err := listSegments(dir)
	if err != nil || len(names) == 0 {
		return 0, err
	}
	boot, err := CurrentBoot()
	if err != nil {
		return 0, err
	}
	segments, _, err := survey(dir, boot, names[len(names)-1].number)
	if err != nil {
		return 0, err
	}
	var freed int64
	for _, s := range (Limits{TotalBytes: total, KeepFree: -1, MaxAge: age}).excess(segments, space{}) {
		if err := s.remove(); err != nil {
			return freed, err
		}
		freed += s.size
	}
	return freed, nil
}

// Usage returns how long all segments and indexes of a store are, in bytes.
func Usage(dir string) (int64, error) {
	names, err := listSegments(Locate(dir))
	var total int64
	for _, n := range names {
		for _, path := range []string{n.path, n.index()} {
			if info, err := os.Stat(path); err == nil {
				total += info.Size()
			}
		}
	}
	return total, err
}

// readMonotonic returns the time since the kernel started, in µs.
func readMonotonic() uint64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // it cannot fail
	return uint64(ts.Nano() / 1000)
}
