package plan

// Socket is the [Socket] section: descriptors that PID 1 holds for a service.
type Socket struct {
	Listen  []Listen
	Service string // the unit that is started by the first use and is given the descriptors

	Names         string `json:",omitempty"` // FileDescriptorName=
	Mode          uint32 // of sockets and FIFOs in the file system
	DirectoryMode uint32
	UID, GID      int
	Backlog       int
	Symlinks      []string `json:",omitempty"`
	Remove        bool     `json:",omitempty"` // RemoveOnStop=
	Flush         bool     `json:",omitempty"` // FlushPending=
	IPv6Only      string   `json:",omitempty"` // BindIPv6Only=: "", both, ipv6-only
	Device        string   `json:",omitempty"` // BindToDevice=
	Options       []Option `json:",omitempty"`

	TriggerLimit StartLimit `json:",omitzero"` // how often use may start the service
}

// Listen is one Listen…= line of a socket.
type Listen struct {
	Kind string  // stream, datagram, seqpacket, fifo
	At   Address // of a FIFO a path
	Text string  // as the unit has it
}

// Address is where a socket is: a path or @name, or a port at an address.
type Address struct {
	Path string `json:",omitempty"`
	IP   []byte `json:",omitempty"` // 4 or 16 bytes; none with a port: every address
	Port int    `json:",omitempty"`
}

// Option is one socket option, by its numbers in include/uapi/asm-generic/socket.h
// and include/uapi/linux/in.h.
type Option struct{ Level, Name, Value int }
