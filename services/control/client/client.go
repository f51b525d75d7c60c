// Package client calls PID 1. It is apart from services/control because PID 1
// does not link package net.
package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"clarityos/services/control"
)

// Client is a connection to PID 1. It makes one call at a time.
type Client struct {
	conn *net.UnixConn
	in   *bufio.Reader
}

// Error is an error reply.
type Error struct {
	Name  string
	Fault control.Fault
}

func (e *Error) Error() string {
	switch {
	case e.Name == control.ErrNoSuchUnit:
		return fmt.Sprintf("no unit %s; `clarityctl list --all` shows what there is", e.Fault.Unit)
	case e.Name == control.ErrPermission:
		return "only root may do that"
	case e.Fault.Message != "":
		return e.Fault.Message
	case e.Fault.Parameter != "":
		return fmt.Sprintf("%s: parameter %s", e.Name, e.Fault.Parameter)
	}
	return e.Name
}

// again is how long Dial waits when PID 1 has more callers than it has accepted.
const again = 10 * time.Millisecond

// Dial connects to the socket at path, however many others do.
func Dial(ctx context.Context, path string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	for errors.Is(err, syscall.EAGAIN) && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(again):
			conn, err = d.DialContext(ctx, "unix", path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connect to PID 1: %w", err)
	}
	return &Client{conn.(*net.UnixConn), bufio.NewReader(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Call calls Interface.method and decodes the answer into reply, which may be
// nil. An error reply is an *Error. When ctx ends the connection is of no use
// any more.
func (c *Client) Call(ctx context.Context, method string, args, reply any) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(ctx, control.Call{Method: method}, args); err != nil {
		return err
	}
	r, err := c.receive(ctx, method)
	if err != nil || reply == nil || len(r.Parameters) == 0 {
		return err
	}
	if err := json.Unmarshal(r.Parameters, reply); err != nil {
		return fmt.Errorf("answer of PID 1 to %s: %w", method, err)
	}
	return nil
}

// Post calls Interface.method, wants no answer, and returns once PID 1 has taken
// the call. The connection is of no use afterwards.
func (c *Client) Post(ctx context.Context, method string, args any) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(ctx, control.Call{Method: method, Oneway: true}, args); err != nil {
		return err
	}
	// PID 1 sees the end of what we send behind the call, and hangs up.
	if err := c.conn.CloseWrite(); err != nil {
		return c.lost(ctx, method, err)
	}
	if _, err := c.in.ReadByte(); err != io.EOF {
		return c.lost(ctx, method, err)
	}
	return nil
}

// Stream calls Interface.method and gives each reply to take, until take or ctx
// ends it. The connection is of no use afterwards.
func (c *Client) Stream(ctx context.Context, method string, args any, take func(json.RawMessage) error) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(ctx, control.Call{Method: method, More: true}, args); err != nil {
		return err
	}
	for {
		r, err := c.receive(ctx, method)
		if err == nil {
			err = take(r.Parameters)
		}
		if err != nil || !r.Continues {
			return err
		}
	}
}

func (c *Client) send(ctx context.Context, call control.Call, args any) error {
	method := call.Method
	call.Method = control.Interface + "." + method
	if args != nil {
		raw, err := json.Marshal(args)
		if err != nil {
			return err
		}
		call.Parameters = raw
	}
	b, err := control.Encode(call)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(b); err != nil {
		return c.lost(ctx, method, err)
	}
	return nil
}

func (c *Client) receive(ctx context.Context, method string) (control.Reply, error) {
	var r control.Reply
	b, err := c.in.ReadBytes(0)
	if err != nil {
		return r, c.lost(ctx, method, err)
	}
	if err := json.Unmarshal(b[:len(b)-1], &r); err != nil {
		return r, fmt.Errorf("answer of PID 1 to %s: %w", method, err)
	}
	if r.Error != "" {
		e := &Error{Name: r.Error}
		_ = json.Unmarshal(r.Parameters, &e.Fault) // the name alone says enough
		return r, e
	}
	return r, nil
}

func (c *Client) lost(ctx context.Context, method string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer of PID 1 to %s: %w", method, ctx.Err())
	}
	return fmt.Errorf("connection to PID 1 lost during %s: %w", method, err)
}
