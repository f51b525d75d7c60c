// Package readiness looks whether what units need of another one is there: without a
// connection, which that one would see.
package readiness

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// Missing gives the first of some marks that is not there, such as "unix /run/x"; ""
// when all are. What cannot be looked up counts as there.
func Missing(all []plan.Mark) string {
	for _, m := range all {
		if !there(m) {
			return m.Kind + " " + m.Name
		}
	}
	return ""
}

func there(m plan.Mark) bool {
	switch m.Kind {
	case "unix":
		return unixThere(m.Name)
	case "tcp", "udp":
		addr, err := netip.ParseAddrPort(m.Name)
		return err != nil || inetThere(m.Kind, addr.Port())
	case "file", "fifo", "device":
		_, err := os.Lstat(m.Name)
		return !errors.Is(err, fs.ErrNotExist)
	case "mount":
		return isMount(m.Name)
	}
	return true
}

// The kernel's tables of sockets (proc_net(5)).
const (
	listens     = 0x10000 // __SO_ACCEPTCON, of a Unix socket
	unixStream  = "0001"
	unixPacket  = "0005"
	tcpListens  = "0A"
	unixFlags   = 3 // columns
	unixType    = 4
	unixPath    = 7
	inetLocal   = 1
	inetState   = 3
	hexadecimal = 16
)

// unixThere says whether a Unix socket takes connections, or datagrams, at a path or
// an abstract name after @.
func unixThere(path string) bool {
	if strings.HasPrefix(path, "/") { // the table is long, and is read again and again until there is something
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return true
	}
	for line := range bytes.Lines(table) {
		if !bytes.Contains(line, []byte(path)) {
			continue
		}
		f := strings.Fields(string(line))
		if len(f) <= unixPath || f[unixPath] != path {
			continue
		}
		flags, _ := strconv.ParseUint(f[unixFlags], hexadecimal, 32)
		if flags&listens != 0 || f[unixType] != unixStream && f[unixType] != unixPacket {
			return true
		}
	}
	return false
}

// inetThere says whether a socket is bound to a port, at whatever address, and
// listens when it is one of tcp.
func inetThere(protocol string, port uint16) bool {
	suffix := strings.ToUpper(":" + strconv.FormatUint(uint64(port)+0x10000, hexadecimal)[1:])
	for _, family := range []string{"", "6"} {
		table, err := os.ReadFile("/proc/net/" + protocol + family)
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range bytes.Lines(table) {
			f := strings.Fields(string(line))
			if len(f) > inetState && strings.HasSuffix(f[inetLocal], suffix) && (protocol == "udp" || f[inetState] == tcpListens) {
				return true
			}
		}
	}
	return false
}

// isMount says whether a file system is mounted at a path.
func isMount(path string) bool {
	var own, above unix.Stat_t
	if unix.Stat(path, &own) != nil {
		return false
	}
	return unix.Stat(filepath.Dir(path), &above) != nil || own.Dev != above.Dev || path == "/"
}
