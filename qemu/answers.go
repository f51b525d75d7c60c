package qemu

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"
)

// Answers holds once a TCP port of the guest, reached through its forward,
// sends something that matches the regular expression after it was sent say.
func (m *Machine) Answers(guestPort int, say, expr string) Condition {
	return answers{m, guestPort, say, regexp.MustCompile(expr)}
}

type answers struct {
	m    *Machine
	port int
	say  string
	expr *regexp.Regexp
}

func (c answers) String() string { return fmt.Sprintf("port %d to answer /%s/", c.port, c.expr) }

func (c answers) Wait(ctx context.Context) error {
	address := c.m.Address(c.port)
	if address == "" {
		return fmt.Errorf("port %d of the guest is not forwarded", c.port)
	}
	return repeat(ctx, func() error { return c.ask(ctx, address) })
}

// ask connects once. QEMU accepts for the guest, so that a connection alone
// says nothing: a port where nobody listens shows by its end.
func (c answers) ask(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second)) // then ask anew
	if _, err := io.WriteString(conn, c.say); err != nil {
		return err
	}
	var got []byte
	buf := make([]byte, 4096)
	for len(got) < 1<<20 {
		n, err := conn.Read(buf)
		got = append(got, buf[:n]...)
		if c.expr.Match(got) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it sent %q: %w", strings.ToValidUTF8(string(got), "?"), err)
		}
	}
	return fmt.Errorf("no match in its first %d bytes", len(got))
}
