// Package varlink is the wire format of ClarityOS's sockets, as varlink.org has
// it: JSON objects that end in a NUL byte, over a Unix socket. A call names a
// method and gets one reply or, if it asks for more, several.
//
// It holds values and bytes alone. Servers are init/control and services/bus,
// which differ in what they may wait for; the client is services/varlink/client,
// apart since PID 1 does not link package net.
package varlink

import (
	"bytes"
	"encoding/json"
)

// Call is one request on the wire.
type Call struct {
	Method     string          `json:"method"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Oneway     bool            `json:"oneway,omitempty"`
	More       bool            `json:"more,omitempty"`
}

// Reply answers it: Error is empty or a qualified error name.
type Reply struct {
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Error      string          `json:"error,omitempty"`
	Continues  bool            `json:"continues,omitempty"`
}

// The errors of varlink itself. The parameters of the first three are a Fault.
const (
	ErrMethodNotFound    = service + ".MethodNotFound"
	ErrInterfaceNotFound = service + ".InterfaceNotFound"
	ErrInvalidParameter  = service + ".InvalidParameter"
	ErrPermission        = service + ".PermissionDenied"
)

// Fault is the parameters of an error reply of varlink itself. Message is for
// people.
type Fault struct {
	Method    string `json:"method,omitempty"`
	Interface string `json:"interface,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Message   string `json:"message,omitempty"`
}

// Split cuts the first message off a buffer; ok is false when it is not
// complete yet.
func Split(buffer []byte) (message, rest []byte, ok bool) {
	i := bytes.IndexByte(buffer, 0)
	if i < 0 {
		return nil, buffer, false
	}
	return buffer[:i], buffer[i+1:], true
}

// Encode gives a message as bytes for the wire, its NUL included.
func Encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(b, 0), err
}
