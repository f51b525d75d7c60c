// Package client calls PID 1.
package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"clarityos/services/control"
	"clarityos/services/varlink/client"
)

// Error is an error reply of PID 1.
type Error struct {
	Name string
	control.Fault
}

func (e *Error) Error() string {
	if e.Name == control.ErrNoSuchUnit {
		return fmt.Sprintf("no unit %s; `clarityctl list --all` shows what there is", e.Unit)
	}
	return (&client.Error{Name: e.Name, Fault: e.Fault.Fault}).Error()
}

// Dial connects to the socket at path. The error replies of the client's calls
// are *Error.
func Dial(ctx context.Context, path string) (*client.Client, error) {
	return client.Dial(ctx, path, client.Service{Name: "PID 1", Interface: control.Interface,
		Explain: func(name string, parameters json.RawMessage) error {
			e := &Error{Name: name}
			_ = json.Unmarshal(parameters, &e.Fault) // the name alone says enough
			return e
		}})
}

// answer is how long PID 1 may take for a call that waits for nothing.
const answer = 10 * time.Second

// Ask makes one call to PID 1, which is answered at once.
func Ask(ctx context.Context, method string, args, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	c, err := Dial(ctx, control.Path)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, args, reply)
}
