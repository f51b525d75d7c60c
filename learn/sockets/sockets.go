// Package sockets looks up which unit listens where, in /proc: what happened before
// the observer's hooks were live, and all there is where a kernel has none.
package sockets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"

	"clarityos/learn/observe"
	"clarityos/learn/uses"
)

// Held is a socket at which a unit listens.
type Held struct {
	Unit     string
	Endpoint observe.Endpoint
}

// Listening gives the sockets at which units listen, of the network namespace of
// proc's process 1. Proc is a /proc. A socket that several units have, as one that
// was passed on, counts for each but PID 1.
func Listening(proc fs.FS) ([]Held, error) {
	at := map[uint64]observe.Endpoint{} // by inode
	for name, parse := range map[string]func(fields []string) (observe.Endpoint, uint64, bool){
		"tcp": inetLine("tcp:", "0A"), "tcp6": inetLine("tcp:", "0A"), "udp": inetLine("udp:", "07"), "udp6": inetLine("udp:", "07"), "unix": unixLine,
	} {
		f, err := proc.Open("1/net/" + name)
		if err != nil {
			continue // a kernel without IPv6
		}
		err = lines(f, func(fields []string) {
			if e, inode, ok := parse(fields); ok {
				at[inode] = e
			}
		})
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read sockets of %s: %w", name, err)
		}
	}
	return holders(proc, at)
}

// Connection is a Unix socket.
type Connection struct {
	Inode, Peer uint64 // its own, and that of the other side; 0: it is not connected
	Name        string // that it is bound to, as /proc has it; "" for none
}

// Connected gives where units are connected to, of TCP at where somebody listens
// and of Unix sockets at the name of the other side. Of two that both have a name it
// is not known which one is the server.
func Connected(proc fs.FS, local []Connection) ([]Held, error) {
	to := map[uint64]observe.Endpoint{} // by inode
	names := map[uint64]string{}
	for _, c := range local {
		names[c.Inode] = c.Name
	}
	for _, c := range local {
		if name := names[c.Peer]; name != "" && c.Name == "" {
			to[c.Inode] = observe.Endpoint("unix:" + name)
		}
	}
	for _, name := range []string{"tcp", "tcp6"} {
		if err := tcp(proc, name, to); err != nil {
			return nil, err
		}
	}
	return holders(proc, to)
}

// tcp adds the connections of a file to ports at which somebody listens.
func tcp(proc fs.FS, name string, to map[uint64]observe.Endpoint) error {
	listens := map[uint16]bool{}
	var remote []netip.AddrPort
	var inodes []uint64
	f, err := proc.Open("1/net/" + name)
	if err != nil {
		return nil // a kernel without IPv6
	}
	defer f.Close()
	err = lines(f, func(fields []string) {
		if len(fields) < 10 {
			return
		}
		at, _ := address(fields[1])
		other, _ := address(fields[2])
		inode, err := strconv.ParseUint(fields[9], 10, 64)
		switch {
		case err != nil:
		case fields[3] == "0A":
			listens[at.Port()] = true
		case fields[3] == "01":
			remote, inodes = append(remote, other), append(inodes, inode)
		}
	})
	if err != nil {
		return fmt.Errorf("read connections of %s: %w", name, err)
	}
	for i, at := range remote {
		if listens[at.Port()] {
			to[inodes[i]] = observe.Endpoint("tcp:" + at.String())
		}
	}
	return nil
}

// lines gives the fields of each line but the first, which is a header.
func lines(r io.Reader, take func(fields []string)) error {
	s := bufio.NewScanner(r)
	for first := true; s.Scan(); first = false {
		if !first {
			take(strings.Fields(s.Text()))
		}
	}
	return s.Err()
}

// inetLine reads a line of /proc/net/tcp and its kin (Documentation/networking/
// proc_net_tcp.rst): st is the state of those that count, 0A of TCP that listens,
// 07 of UDP that is not connected.
func inetLine(proto, state string) func([]string) (observe.Endpoint, uint64, bool) {
	return func(f []string) (observe.Endpoint, uint64, bool) {
		if len(f) < 10 || f[3] != state {
			return "", 0, false
		}
		addr, ok := address(f[1])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		return observe.Endpoint(proto + addr.String()), inode, ok && err == nil && addr.Port() != 0
	}
}

// address reads "0100007F:0050": words of four bytes in the machine's order.
func address(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

// unixLine reads a line of /proc/net/unix: one that has a name and is not a
// connection is somewhere to connect or send to.
func unixLine(f []string) (observe.Endpoint, uint64, bool) {
	if len(f) < 8 {
		return "", 0, false
	}
	flags, err := strconv.ParseUint(f[3], 16, 32)
	inode, inodeErr := strconv.ParseUint(f[6], 10, 64)
	const acceptsConnections, stream, packets = 0x10000, "0001", "0005" // __SO_ACCEPTCON
	if (f[4] == stream || f[4] == packets) && flags&acceptsConnections == 0 {
		return "", 0, false
	}
	return observe.Endpoint("unix:" + f[7]), inode, err == nil && inodeErr == nil
}

// holders finds the units whose processes have the sockets.
func holders(proc fs.FS, at map[uint64]observe.Endpoint) (out []Held, err error) {
	processes, err := fs.ReadDir(proc, ".")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	seen := map[Held]bool{}
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil || p.Name() == "1" {
			continue
		}
		unit, err := UnitOf(proc, p.Name())
		if err != nil || unit == "" {
			continue
		}
		files, err := fs.ReadDir(proc, p.Name()+"/fd")
		if err != nil {
			continue // it has ended
		}
		for _, f := range files {
			to, err := fs.ReadLink(proc, p.Name()+"/fd/"+f.Name())
			if err != nil {
				continue
			}
			var inode uint64
			if _, err := fmt.Sscanf(to, "socket:[%d]", &inode); err != nil {
				continue
			}
			h := Held{unit, at[inode]}
			if h.Endpoint != "" && !seen[h] {
				seen[h] = true
				out = append(out, h)
			}
		}
	}
	return out, nil
}

// UnitOf gives the unit of a process, "" for none. It fails when the process has
// ended.
func UnitOf(proc fs.FS, pid string) (string, error) {
	raw, err := fs.ReadFile(proc, pid+"/cgroup")
	if err != nil {
		return "", err
	}
	_, path, ok := bytes.Cut(raw, []byte("0::"))
	if !ok {
		return "", nil
	}
	path, _, _ = bytes.Cut(path, []byte("\n"))
	return uses.UnitOf(string(path)), nil
}
