package spawn

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"clarityos/services/plan"
)

// probe is one look at a service, by the stub itself: it connects and, for
// HTTP, asks and reads the status line. Whoever started it bounds the time. The
// result is an exit code; what is wrong goes to the service's log.
func probe(p *plan.Probe) int {
	if err := look(p); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		return 1
	}
	return 0
}

func look(p *plan.Probe) error {
	fd, err := connect(p.At)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if p.Path == "" {
		return nil
	}
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: clarity-probe\r\nConnection: close\r\n\r\n", p.Path, p.Host)
	for sent := 0; sent < len(request); {
		n, err := unix.SendmsgN(fd, []byte(request[sent:]), nil, nil, unix.MSG_NOSIGNAL)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("ask: %w", err)
		}
		sent += max(n, 0)
	}
	line, err := firstLine(fd)
	if err != nil {
		return err
	}
	return goodStatus(line)
}

func connect(a *plan.Address) (int, error) {
	family, sa, name := Sockaddr(a)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(fd, sa); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("connect to %s: %w", name, err)
	}
	return fd, nil
}

// Sockaddr gives an address of the plan to the kernel: its family, itself, and
// its text for people. A port without an address is that of every address.
func Sockaddr(a *plan.Address) (family int, sa unix.Sockaddr, name string) {
	switch {
	case a.Path != "":
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: a.Path}, a.Path
	case len(a.IP) == 4:
		return unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP)}, fmt.Sprintf("%d.%d.%d.%d:%d", a.IP[0], a.IP[1], a.IP[2], a.IP[3], a.Port)
	case len(a.IP) == 16:
		return unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP)}, fmt.Sprintf("[%x]:%d", a.IP, a.Port)
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port}, fmt.Sprintf("port %d", a.Port)
}

// mostLine bounds the status line that is read.
const mostLine = 4096

func firstLine(fd int) (string, error) {
	var text []byte
	b := make([]byte, mostLine)
	for len(text) < mostLine {
		n, err := unix.Read(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read the answer: %w", err)
		}
		text = append(text, b[:n]...)
		if line, _, ok := strings.Cut(string(text), "\n"); ok {
			return strings.TrimSpace(line), nil
		}
		if n == 0 {
			return "", fmt.Errorf("the answer ended after %q: %w", text, syscall.EPIPE)
		}
	}
	return "", fmt.Errorf("the answer's first line is longer than %d bytes", mostLine)
}

// goodStatus takes the status line of HTTP/1 (RFC 9112, section 4).
func goodStatus(line string) error {
	proto, rest, _ := strings.Cut(line, " ")
	var code int
	if _, err := fmt.Sscanf(rest, "%3d", &code); err != nil || !strings.HasPrefix(proto, "HTTP/1.") {
		return fmt.Errorf("the answer is not HTTP: %q", line)
	}
	if code < 200 || code > 399 {
		return fmt.Errorf("the answer is %q", rest)
	}
	return nil
}
