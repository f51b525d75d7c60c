package dbus

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// answerMost is how long the bus may take to accept a connection, or to read.
	answerMost = 10 * time.Second
	// readSize is how much is read at once, and the longest head that is looked at.
	readSize = 8 << 10
)

// link is a connection to the bus.
type link struct {
	net.Conn
	in     *bufio.Reader
	serial uint32
}

// dial connects to the bus at a socket, as this process's user, and says hello: the
// answer to it is the first message. The connection is closed when ctx ends.
func dial(ctx context.Context, socket string) (*link, error) {
	conn, err := (&net.Dialer{Timeout: answerMost}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	l := &link{Conn: conn, in: bufio.NewReaderSize(conn, readSize)}
	if err := l.authenticate(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("authenticate at %s: %w", socket, err)
	}
	return l, nil
}

// authenticate is of the D-Bus Specification, "Authentication Protocol". That file
// descriptors may be passed is not agreed on.
func (l *link) authenticate() error {
	if err := l.SetDeadline(time.Now().Add(answerMost)); err != nil {
		return err
	}
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if _, err := fmt.Fprintf(l, "\x00AUTH EXTERNAL %s\r\n", uid); err != nil {
		return err
	}
	line, err := l.in.ReadSlice('\n')
	switch {
	case err != nil:
		return err
	case !strings.HasPrefix(string(line), "OK "):
		return fmt.Errorf("the bus says %q", line)
	}
	hello, _ := l.call(driver, "Hello", arguments{})
	if _, err := l.Write(append([]byte("BEGIN\r\n"), hello...)); err != nil {
		return err
	}
	return l.SetDeadline(time.Time{})
}

// call makes a call of the bus, to be written, and gives its serial.
func (l *link) call(iface, member string, args arguments) ([]byte, uint32) {
	l.serial++
	return call(l.serial, iface, member, args), l.serial
}

// send writes calls.
func (l *link) send(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	if err := l.SetWriteDeadline(time.Now().Add(answerMost)); err != nil {
		return err
	}
	_, err := l.Write(raw)
	return err
}
