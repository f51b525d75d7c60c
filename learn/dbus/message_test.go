package dbus

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// said is what a bus says.
func said(kind byte, body builder, fields ...field) []byte {
	return encode(kind, 7, body, append(fields, field{fieldFrom, "s", driver})...)
}

func TestReadMessage(t *testing.T) {
	// A call from a big-endian machine, by hand: sender, an unknown field of a known
	// type, destination, and a body of 3 bytes.
	big := []byte{'B', kindCall, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 43,
		fieldFrom, 1, 's', 0, 0, 0, 0, 2, ':', '1', 0, 0, 0, 0, 0, 0,
		99, 1, 'u', 0, 0, 0, 0, 9,
		fieldTo, 1, 's', 0, 0, 0, 0, 3, 'a', '.', 'b', 0, 0, 0, 0, 0}
	big[15] = byte(len(big) - 16 - 4)
	client := encode(kindCall, 1, builder("secret"), field{fieldFrom, "s", ":1"}, field{fieldTo, "s", "a.b"}, field{fieldSignature, "g", "s"}, field{fieldMember, "s", "M"})
	strange := encode(kindCall, 1, nil, field{fieldFrom, "s", ":1"}, field{99, "v", "?"}, field{fieldTo, "s", "a.b"})
	long := encode(kindCall, 1, nil, field{fieldPath, "o", "/" + string(bytes.Repeat([]byte{'x'}, readSize))}, field{fieldFrom, "s", ":1"})
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"of a client":             {client, "1 :1 a.b M body false"},
		"big-endian":              {append(big, 1, 2, 3), "1 :1 a.b  body false"},
		"a field of strange type": {strange, "1 :1   body false"},
		"a head without end":      {long, "1    body false"},
		"of the bus":              {said(kindReply, text(":9").body), "2 org.freedesktop.DBus   body true"},
		"much of the bus":         {said(kindReply, make(builder, bodyMost+1)), "2 org.freedesktop.DBus   body false"},
	} {
		// What follows is read as what it is, whatever came before.
		in := bufio.NewReaderSize(bytes.NewReader(append(slices.Clone(c.raw), client...)), readSize)
		m, err := readMessage(in)
		if got := fmt.Sprintf("%d %s %s %s body %t", m.kind, m.from, m.to, m.member, m.body != nil); err != nil || got != c.want || m.size != len(c.raw) {
			t.Errorf("%s: %s, %d of %d bytes, %v; wanted %s", name, got, m.size, len(c.raw), err, c.want)
		}
		if m, err := readMessage(in); err != nil || m.from != ":1" || m.to != "a.b" {
			t.Errorf("after %s: %+v, %v", name, m, err)
		}
		if _, err := readMessage(in); err != io.EOF {
			t.Errorf("after all of %s: %v", name, err)
		}
	}
	if _, err := readMessage(bufio.NewReader(bytes.NewReader([]byte("ERROR \"not now\"\r\n")))); err == nil || err == io.EOF {
		t.Errorf("what is no message: %v", err)
	}
}

func TestCall(t *testing.T) {
	raw := call(5, "org.freedesktop.DBus.Monitoring", "BecomeMonitor", rules("a", "bcd"))
	m, err := readMessage(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil || m.kind != kindCall || m.to != driver || m.member != "BecomeMonitor" || m.size != len(raw) {
		t.Fatalf("%+v, %v", m, err)
	}
	body := &cursor{raw: raw[len(raw)-len(rules("a", "bcd").body):], order: binary.LittleEndian}
	if all, flags := body.texts(), body.number(); !slices.Equal(all, []string{"a", "bcd"}) || flags != 0 || body.broken || body.at != len(body.raw) {
		t.Errorf("%q and %d of %+v", all, flags, body)
	}
}

// Bytes of any kind are read without a panic, and to their end or an error.
func TestReadMessageAny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := encode(kindReply, 1, rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "body"), field{fieldFrom, "s", driver}, field{fieldTo, "s", "a.b"})
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "where")] = rapid.Byte().Draw(t, "what")
		}
		m, err := readMessage(bufio.NewReader(bytes.NewReader(raw)))
		if err == nil && m.body != nil {
			m.body.texts()
			m.body.text()
			m.body.number()
			if m.body.at > len(m.body.raw)+8 {
				t.Fatalf("%d of %d bytes were read", m.body.at, len(m.body.raw))
			}
		}
	})
}

func TestBucket(t *testing.T) {
	b := bucket{most: 4, rate: 2}
	for _, c := range []struct {
		at   time.Duration
		n    float64
		want bool
		half time.Duration
	}{
		{10 * time.Second, 3, true, 500 * time.Millisecond},
		{10 * time.Second, 1, true, time.Second},
		{10 * time.Second, 1, false, time.Second},
		{11 * time.Second, 2, true, time.Second},
		{20 * time.Second, 1e9, false, time.Second}, // at most all is taken
		{21 * time.Second, 2, true, time.Second},
	} {
		if got, half := b.take(c.at, c.n), b.half(c.at); got != c.want || half != c.half {
			t.Errorf("%v of %v: %t, half in %v; wanted %t, %v", c.n, c.at, got, half, c.want, c.half)
		}
	}
}
