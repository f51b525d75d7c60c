package trust

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// mostFrame bounds one message, in bytes: MostRoots roots and one of each other file, in
// base64, and the list of targets.
const mostFrame = 48 << 20

// Request is what the child is told first.
type Request struct {
	Root   []byte            `json:"root"`   // the root that the image brings, which is trusted
	Stored map[string][]byte `json:"stored"` // what Store.Load returned
	Now    time.Time         `json:"now"`    // the reference time, see Time
}

// Role is one role's metadata as it is now trusted.
type Role struct {
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
}

// Result is what a refresh comes to.
type Result struct {
	Targets  []Target          `json:"targets"`           // by name; none if there is a refusal
	Roles    map[string]Role   `json:"roles"`             // by "root", "timestamp", "snapshot", "targets"
	Metadata map[string][]byte `json:"metadata"`          // to store, even if there is a refusal
	Notices  []string          `json:"notices,omitempty"` // what was odd and did not matter
	Refusal  *Refusal          `json:"refusal,omitempty"`
}

// Call is what the child says: that it wants a file, or its result, after which it ends.
type Call struct {
	Get    string  `json:"get,omitempty"`
	Most   int64   `json:"most,omitempty"` // bytes
	Result *Result `json:"result,omitempty"`
}

// Answer is the file that the child wanted, or why there is none.
type Answer struct {
	Bytes  []byte `json:"bytes,omitempty"`
	Reason Kind   `json:"reason,omitempty"` // "", Missing or TooLarge
}

// ErrTooLarge is a Source's: a file is longer than was asked for.
var ErrTooLarge = errors.New("longer than it may be")

// Send writes a message: its length in four bytes, big-endian, and JSON.
func Send(w io.Writer, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	if len(text) > mostFrame {
		return fmt.Errorf("a message of %d bytes; at most %d go", len(text), mostFrame)
	}
	if _, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
		return fmt.Errorf("send a message: %w", err)
	}
	return nil
}

// Receive reads a message into what into points to. It takes no more memory than has
// come, whatever length is announced.
func Receive(r io.Reader, into any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return fmt.Errorf("receive a message: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > mostFrame {
		return fmt.Errorf("a message of %d bytes; at most %d are read", n, mostFrame)
	}
	var text bytes.Buffer
	if _, err := io.CopyN(&text, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("receive a message of %d bytes: %w", n, err)
	}
	if err := json.Unmarshal(text.Bytes(), into); err != nil {
		return fmt.Errorf("decode a message: %w", err)
	}
	return nil
}
