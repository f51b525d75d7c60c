package intake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/services/log"
)

// errKmsg says that a record is not in the form of /dev/kmsg.
var errKmsg = errors.New("not a record of /dev/kmsg")

// parseKmsg reads one record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg):
// "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT" and lines of a dictionary. Control
// characters in the text are escaped as \xNN. What a program wrote has a
// facility that is not the kernel's.
func parseKmsg(b []byte) (log.Record, error) {
	prefix, text, ok := strings.Cut(string(b), ";")
	parts := strings.Split(prefix, ",")
	if !ok || len(parts) < 3 {
		return log.Record{}, errKmsg
	}
	priority, err1 := strconv.ParseUint(parts[0], 10, 32)
	seq, err2 := strconv.ParseUint(parts[1], 10, 64)
	at, err3 := strconv.ParseUint(parts[2], 10, 63)
	if err := errors.Join(err1, err2, err3); err != nil {
		return log.Record{}, errKmsg
	}
	text, dictionary, _ := strings.Cut(text, "\n")
	r := log.Record{Identifier: "kernel", Priority: int(priority & 7), MonotonicUS: at, Message: unescape(text), Source: "kmsg", Position: seq}
	if facility := priority >> 3; facility != 0 {
		// A program wrote it, with a tag in front as for syslog(3). The
		// kernel tells the writer's thread where it is built with
		// CONFIG_PRINTK_CALLER; what the tag says may be invented.
		r.Identifier, r.PID, r.Message = tagged(r.Message)
		r.Fields = append(r.Fields, log.Field{Name: "SYSLOG_FACILITY", Value: strconv.FormatUint(facility, 10)})
		for _, part := range parts[3:] {
			if thread, ok := strings.CutPrefix(part, "caller=T"); ok {
				if pid, err := strconv.ParseUint(thread, 10, 31); err == nil && pid > 0 {
					r.PID = int(pid)
				}
			}
		}
	}
	for line := range strings.SplitSeq(dictionary, "\n") {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, " "), "=")
		if ok && (name == "SUBSYSTEM" || name == "DEVICE") {
			r.Fields = append(r.Fields, log.Field{Name: "_KERNEL_" + name, Value: unescape(value)})
		}
	}
	return r, nil
}

func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ring is the kernel's log.
type ring struct {
	fd   int
	next uint64 // the number that the next record should have
}

func openRing(fd int, store *log.Store) (*ring, error) {
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil { // to the oldest record
		return nil, fmt.Errorf("kernel log: %w", err)
	}
	r := &ring{fd: fd}
	if last, ok := store.Position("kmsg"); ok {
		r.next = last + 1
	}
	return r, nil
}

// work stores what the kernel has said.
func (r *ring) work(store *log.Store, maxLevel int, buf []byte) error {
	var records []log.Record
	now := readClock()
	next := r.next
	for len(records) < perTurn {
		n, err := unix.Read(r.fd, buf)
		switch {
		case errors.Is(err, unix.EPIPE), errors.Is(err, unix.EINTR):
			continue // records were overwritten; their numbers tell
		case errors.Is(err, unix.EAGAIN):
			n = 0
		case err != nil:
			return fmt.Errorf("kernel log: %w", err)
		}
		if n == 0 {
			break
		}
		rec, err := parseKmsg(buf[:n])
		if err != nil || rec.Position < next {
			continue
		}
		if rec.Identifier != "kernel" {
			rec.Unit = unitOf(rec.PID)
		}
		if age := now.monotonic - rec.MonotonicUS; now.monotonic > rec.MonotonicUS {
			rec.RealtimeUS = now.realtime - age
		} else {
			rec.RealtimeUS = now.realtime
		}
		if gap := rec.Position - next; gap > 0 && next > 0 {
			records = append(records, log.Record{RealtimeUS: rec.RealtimeUS, MonotonicUS: rec.MonotonicUS,
				Identifier: "clarityd", Priority: log.Warning, Message: fmt.Sprintf("%d records of the kernel were overwritten unread", gap)})
		}
		if rec.Priority > maxLevel {
			rec = log.Record{Mark: true, Source: rec.Source, Position: rec.Position}
		}
		records = append(records, rec)
		next = rec.Position + 1
	}
	if err := store.Append(records...); err != nil {
		// Read them again: the ring still has them.
		_, serr := unix.Seek(r.fd, 0, unix.SEEK_SET)
		return errors.Join(err, serr)
	}
	r.next = next
	return nil
}
