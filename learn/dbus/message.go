package dbus

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// The wire format is of the D-Bus Specification, "Message Protocol".
const (
	kindCall, kindReply, kindError, kindSignal                    = 1, 2, 3, 4
	fieldPath, fieldInterface, fieldMember, fieldReplyTo, fieldTo = 1, 2, 3, 5, 6
	fieldFrom, fieldSignature                                     = 7, 8
	headSize                                                      = 16
	messageMost                                                   = 1 << 27                // bytes, by the specification
	bodyMost                                                      = 256 << 10              // of what the bus says: 4000 names
	driver                                                        = "org.freedesktop.DBus" // the bus's own name
)

// message is what is read of one. The body is there only of what the bus itself
// sends, of at most bodyMost bytes, and nil otherwise.
type message struct {
	kind             byte
	replyTo          uint32
	from, to, member string
	body             *cursor
	size             int // bytes, with what was not read
}

// readMessage reads one. What precedes its body is not looked at when r has no room
// for it: a client has sent a path that is as long.
func readMessage(r *bufio.Reader) (m message, err error) {
	head, err := r.Peek(headSize)
	if err != nil {
		return m, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'B' {
		order = binary.BigEndian
	}
	m.kind = head[1]
	body, fields := order.Uint32(head[4:]), order.Uint32(head[12:])
	if head[0] != 'l' && head[0] != 'B' || body > messageMost || fields > messageMost {
		return m, fmt.Errorf("the bus sent what is no message: %x", head)
	}
	if whole := headSize + int(fields); whole <= r.Size() {
		raw, err := r.Peek(whole)
		if err != nil {
			return m, err
		}
		m.fields(&cursor{raw: raw[headSize:], order: order})
	}
	before := headSize + (int(fields)+7)&^7
	m.size = before + int(body)
	if _, err := r.Discard(before); err != nil {
		return m, err
	}
	if m.from != driver || body > bodyMost {
		_, err = r.Discard(int(body))
		return m, err
	}
	raw := make([]byte, body)
	m.body = &cursor{raw: raw, order: order}
	_, err = io.ReadFull(r, raw)
	return m, err
}

// fields reads an array of a code and a variant each. One of a type that none of
// the known has ends it.
func (m *message) fields(c *cursor) {
	for c.at < len(c.raw) && !c.broken {
		c.align(8)
		code, kind := c.octet(), c.signature()
		var text string
		var number uint32
		switch kind {
		case "s", "o":
			text = c.text()
		case "g":
			c.signature()
		case "u":
			number = c.number()
		default:
			return
		}
		switch code {
		case fieldMember:
			m.member = text
		case fieldReplyTo:
			m.replyTo = number
		case fieldTo:
			m.to = text
		case fieldFrom:
			m.from = text
		}
	}
}

// cursor reads values one after the other. Once there is not what is asked for it
// is broken, and all that follows is zero.
type cursor struct {
	raw    []byte // it begins at a multiple of 8 bytes of the message
	at     int
	order  binary.ByteOrder
	broken bool
}

func (c *cursor) align(n int) { c.at = (c.at + n - 1) &^ (n - 1) }

func (c *cursor) take(n int) []byte {
	if c.broken || c.at > len(c.raw) || n > len(c.raw)-c.at {
		c.broken = true
		return make([]byte, min(n, 4))
	}
	c.at += n
	return c.raw[c.at-n : c.at]
}

func (c *cursor) octet() byte { return c.take(1)[0] }

func (c *cursor) number() uint32 {
	c.align(4)
	return c.order.Uint32(c.take(4))
}

func (c *cursor) text() string { return c.bytes(int(c.number())) }

func (c *cursor) signature() string { return c.bytes(int(c.octet())) }

// bytes takes n of them and the NUL that follows.
func (c *cursor) bytes(n int) string {
	if raw := c.take(n + 1); !c.broken {
		return string(raw[:n])
	}
	return ""
}

// texts reads an array of them.
func (c *cursor) texts() (out []string) {
	for end := int(c.number()) + c.at; c.at < end && !c.broken; {
		if t := c.text(); !c.broken {
			out = append(out, t)
		}
	}
	return out
}

// call makes a call of the bus itself.
func call(serial uint32, iface, member string, args arguments) []byte {
	return encode(kindCall, serial, args.body, field{fieldPath, "o", "/org/freedesktop/DBus"}, field{fieldInterface, "s", iface},
		field{fieldMember, "s", member}, field{fieldTo, "s", driver}, field{fieldSignature, "g", args.signature})
}

// field is one of a message's, of the type that its signature says; that of "u" is
// text of four bytes.
type field struct {
	code            byte
	signature, text string
}

func encode(kind byte, serial uint32, body []byte, all ...field) []byte {
	var fields builder
	for _, f := range all {
		fields.align(8)
		fields = append(fields, f.code, 1, f.signature[0], 0)
		switch f.signature {
		case "g":
			fields = append(append(append(fields, byte(len(f.text))), f.text...), 0)
		case "u":
			fields = append(fields, f.text...)
		default:
			fields.text(f.text)
		}
	}
	b := builder{'l', kind, 0, 1}
	b.number(uint32(len(body)))
	b.number(serial)
	b.number(uint32(len(fields)))
	b = append(b, fields...)
	b.align(8)
	return append(b, body...)
}

type arguments struct {
	signature string
	body      builder
}

// text is one argument.
func text(s string) arguments {
	var b builder
	b.text(s)
	return arguments{"s", b}
}

// rules are the arguments of BecomeMonitor: match rules, and flags of which there
// are none.
func rules(all ...string) arguments {
	var list builder
	for _, r := range all {
		list.text(r)
	}
	var b builder
	b.number(uint32(len(list)))
	b = append(b, list...)
	b.number(0)
	return arguments{"asu", b}
}

// builder is a message in the making.
type builder []byte

func (b *builder) align(n int) {
	for len(*b)%n != 0 {
		*b = append(*b, 0)
	}
}

func (b *builder) number(n uint32) {
	b.align(4)
	*b = binary.LittleEndian.AppendUint32(*b, n)
}

func (b *builder) text(s string) {
	b.number(uint32(len(s)))
	*b = append(append(*b, s...), 0)
}
