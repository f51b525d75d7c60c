package control

import (
	"bytes"
	"encoding/json"
)

// Path is PID 1's socket.
const Path = "/run/clarity/control"

// Interface is the name of PID 1's varlink interface.
const Interface = "io.clarityos.Control"

// MaxRequest bounds what the server reads for one call, in bytes.
const MaxRequest = 16 << 10

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

// The errors of varlink itself and of this interface.
const (
	ErrMethodNotFound   = "org.varlink.service.MethodNotFound"
	ErrInvalidParameter = "org.varlink.service.InvalidParameter"
	ErrPermission       = "org.varlink.service.PermissionDenied"
	ErrNoSuchUnit       = Interface + ".NoSuchUnit"
	ErrBusy             = Interface + ".Busy"
	ErrFailed           = Interface + ".Failed"
)

// Fault is the parameters of an error reply.
type Fault struct {
	Method    string `json:"method,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Unit      string `json:"unit,omitempty"`
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
