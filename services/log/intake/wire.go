package intake

import (
	"encoding/json"
	"fmt"

	"golang.org/x/sys/unix"
)

// MaxPacket is the longest packet on the socket between PID 1 and the
// component, a SOCK_SEQPACKET whose packets are JSON objects.
const MaxPacket = 16 << 10

// Message is one packet from PID 1: exactly one field is set.
type Message struct {
	// Stream comes with the read end of a pipe.
	Stream *Stream `json:"stream,omitempty"`
	// Socket comes with a bound datagram socket, "syslog" or "journal", or
	// with an open /dev/kmsg, "kmsg".
	Socket string `json:"socket,omitempty"`
	// Record is something that PID 1 itself says.
	Record *Said `json:"record,omitempty"`
	// Lost says that PID 1 read bytes of a stream that nobody will see.
	Lost *Lost `json:"lost,omitempty"`
	// Move says that the store can go to this folder now.
	Move string `json:"move,omitempty"`
}

// Stream is the output of one run of a unit.
type Stream struct {
	ID         string `json:"id"` // hex digits, never used twice in a boot
	Unit       string `json:"unit"`
	Invocation string `json:"invocation,omitempty"`
	Identifier string `json:"identifier,omitempty"`
	PID        int    `json:"pid,omitempty"`
	// The unit's LogRateLimitIntervalSec= and LogRateLimitBurst=: 0 stands
	// for what journald.conf says, and below 0 there is no limit.
	RateIntervalUS int64 `json:"rate_interval_us,omitempty"`
	RateBurst      int   `json:"rate_burst,omitempty"`
	// LevelMax is LogLevelMax=: what is less urgent is not kept.
	LevelMax *int `json:"level_max,omitempty"`
	// Level is SyslogLevel=: the priority of lines that name none; Info.
	Level *int `json:"level,omitempty"`
	// NoPrefix is SyslogLevelPrefix=no: "<3>" belongs to the text.
	NoPrefix bool `json:"no_prefix,omitempty"`
	// Fields is LogExtraFields=: NAME=value.
	Fields []string `json:"fields,omitempty"`
	// Console says that lines go to the console too: StandardOutput=journal+console.
	Console bool `json:"console,omitempty"`
}

// Said is a record of PID 1.
type Said struct {
	Unit        string `json:"unit,omitempty"`
	Priority    int    `json:"priority"`
	Message     string `json:"message"`
	MonotonicUS uint64 `json:"monotonic_us"` // rises with each record
	RealtimeUS  uint64 `json:"realtime_us"`
}

// Lost counts bytes of a stream.
type Lost struct {
	ID    string `json:"id"`
	Bytes uint64 `json:"bytes"`
}

// Reply is one packet to PID 1.
type Reply struct {
	Ready bool   `json:"ready,omitempty"` // the component reads
	Done  string `json:"done,omitempty"`  // this stream ended, and is stored
}

// packet is what came from PID 1, with the descriptors that came along.
type packet struct {
	Message
	fd int // -1 for none
}

// peekPacket looks at the next packet without taking it; what it carries is a
// duplicate. It returns unix.EAGAIN if there is none, and errEnd at the end.
func peekPacket(sock int, buf []byte) (packet, error) {
	oob := make([]byte, unix.CmsgSpace(4*8))
	n, oobn, flags, _, err := unix.Recvmsg(sock, buf, oob, unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return packet{}, err
	}
	fds := descriptors(oob[:oobn])
	p := packet{fd: -1}
	for i, fd := range fds {
		if i == 0 {
			p.fd = fd
		} else {
			unix.Close(fd)
		}
	}
	if n == 0 && len(fds) == 0 {
		return p, errEnd
	}
	if flags&unix.MSG_TRUNC != 0 {
		p.close()
		return p, fmt.Errorf("PID 1 sent a packet of more than %d bytes", MaxPacket)
	}
	if err := json.Unmarshal(buf[:n], &p.Message); err != nil {
		p.close()
		return p, fmt.Errorf("PID 1 sent something that is not understood: %w", err)
	}
	return p, nil
}

func (p *packet) close() {
	if p.fd >= 0 {
		unix.Close(p.fd)
		p.fd = -1
	}
}

// take drops the datagram that was looked at.
func take(sock int) {
	var one [1]byte
	// Descriptors that it carries are dropped by the kernel, as there is
	// no room given for them.
	_, _, _, _, _ = unix.Recvmsg(sock, one[:], nil, unix.MSG_DONTWAIT)
}

// descriptors returns what SCM_RIGHTS brought.
func descriptors(oob []byte) []int {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	var fds []int
	for _, m := range messages {
		if got, err := unix.ParseUnixRights(&m); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}
