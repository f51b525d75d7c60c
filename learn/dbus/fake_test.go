package dbus

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
)

// fakeBus answers what a watcher asks, of what its fields say.
type fakeBus struct {
	names     []string          // all that there are
	owners    map[string]string // of those that are not unique
	processes map[string]uint32 // of those that are
	refuses   bool              // monitors

	watchers, monitors chan net.Conn // that are told all they have asked for, or are monitors
}

// at listens at a socket, until end is called or the test is over.
func (b *fakeBus) at(t *testing.T, socket string) (end func()) {
	t.Helper()
	b.watchers, b.monitors = make(chan net.Conn, 8), make(chan net.Conn, 8)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { c.Close() })
			go b.serve(c)
		}
	}()
	return func() {
		l.Close() // at once, for another one to take its place
		cancel()
	}
}

func (b *fakeBus) serve(c net.Conn) {
	in := bufio.NewReader(c)
	if auth, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(auth, "\x00AUTH EXTERNAL ") {
		fmt.Fprint(c, "REJECTED EXTERNAL\r\n")
		return
	}
	fmt.Fprint(c, "OK 1234\r\n")
	if begin, err := in.ReadString('\n'); err != nil || begin != "BEGIN\r\n" {
		return
	}
	for serial := uint32(1); ; serial++ { // as its callers count
		head, err := in.Peek(headSize)
		if err != nil {
			return
		}
		whole := headSize + (int(head[12])+7)&^7 + int(head[4]) // all are short
		raw, err := in.Peek(whole)
		if err != nil {
			return
		}
		about := (&cursor{raw: raw[whole-int(head[4]):], order: binary.LittleEndian}).text() // the first argument, of those that have text
		m, err := readMessage(in)
		if err != nil {
			return
		}
		kind, body := b.answer(m.member, about)
		number := binary.LittleEndian.AppendUint32(nil, serial)
		if _, err := c.Write(encode(kind, 1, body, field{fieldFrom, "s", driver}, field{fieldReplyTo, "u", string(number)})); err != nil {
			return
		}
		switch m.member {
		case "ListNames":
			b.watchers <- c
		case "BecomeMonitor":
			b.monitors <- c
		}
	}
}

func (b *fakeBus) answer(member, about string) (kind byte, body builder) {
	kind = kindReply
	switch member {
	case "ListNames":
		var list builder
		for _, n := range b.names {
			list.text(n)
		}
		body.number(uint32(len(list)))
		body = append(body, list...)
	case "GetNameOwner":
		body.text(b.owners[about])
	case "GetConnectionUnixProcessID":
		body.number(b.processes[about])
	case "BecomeMonitor":
		if b.refuses {
			kind = kindError
			body.text("not you")
		}
	}
	return kind, body
}

// changes is the signal that a name goes from one to another.
func changes(name, from, to string) []byte {
	var body builder
	body.text(name)
	body.text(from)
	body.text(to)
	return encode(kindSignal, 1, body, field{fieldFrom, "s", driver}, field{fieldMember, "s", "NameOwnerChanged"})
}

// sends is a call, as a monitor sees it.
func sends(from, to string, size int) []byte {
	return encode(kindCall, 1, make(builder, size), field{fieldFrom, "s", from}, field{fieldTo, "s", to})
}
