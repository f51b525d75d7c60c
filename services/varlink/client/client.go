// Package client calls varlink services. It is apart from services/varlink
// because PID 1 does not link package net.
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

	"clarityos/services/varlink"
)

// Service is whom a client talks to.
type Service struct {
	Name      string // for people: "PID 1"
	Interface string
	// Explain makes an error of a reply: its name and parameters. Nil: *Error.
	Explain func(name string, parameters json.RawMessage) error
}

// Client is a connection to a service. It makes one call at a time.
type Client struct {
	service Service
	conn    *net.UnixConn
	in      *bufio.Reader
}

// Error is an error reply. Fault is what varlink's own errors say, and others may.
type Error struct {
	Name       string
	Parameters json.RawMessage
	varlink.Fault
}

func (e *Error) Error() string {
	switch {
	case e.Name == varlink.ErrPermission:
		return "only root may do that"
	case e.Message != "":
		return e.Message
	case e.Parameter != "":
		return fmt.Sprintf("%s: parameter %s", e.Name, e.Parameter)
	}
	return e.Name
}

// again is how long Dial waits when a service has more callers than it has
// accepted.
const again = 10 * time.Millisecond

// Dial connects to the socket at path, however many others do.
func Dial(ctx context.Context, path string, s Service) (*Client, error) {
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
		return nil, fmt.Errorf("connect to %s: %w", s.Name, err)
	}
	return &Client{s, conn.(*net.UnixConn), bufio.NewReader(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Call calls a method of the interface and decodes the answer into reply, which
// may be nil. An error reply is what Service.Explain makes of it. When ctx ends
// the connection is of no use any more.
func (c *Client) Call(ctx context.Context, method string, args, reply any) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(ctx, varlink.Call{Method: method}, args); err != nil {
		return err
	}
	r, err := c.receive(ctx, method)
	if err != nil || reply == nil || len(r.Parameters) == 0 {
		return err
	}
	if err := json.Unmarshal(r.Parameters, reply); err != nil {
		return fmt.Errorf("answer of %s to %s: %w", c.service.Name, method, err)
	}
	return nil
}

// Post calls a method, wants no answer, and returns once the service has taken
// the call. The connection is of no use afterwards.
func (c *Client) Post(ctx context.Context, method string, args any) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(ctx, varlink.Call{Method: method, Oneway: true}, args); err != nil {
		return err
	}
	// The service sees the end of what we send behind the call, and hangs up.
	if err := c.conn.CloseWrite(); err != nil {
		return c.lost(ctx, method, err)
	}
	if _, err := c.in.ReadByte(); err != io.EOF {
		return c.lost(ctx, method, err)
	}
	return nil
}

// Stream calls a method and gives each reply to take, until take or ctx ends it.
// The connection is of no use afterwards.
func (c *Client) Stream(ctx context.Context, method string, args any, take func(json.RawMessage) error) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	if err := c.send(ctx, varlink.Call{Method: method, More: true}, args); err != nil {
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

func (c *Client) send(ctx context.Context, call varlink.Call, args any) error {
	method := call.Method
	call.Method = c.service.Interface + "." + method
	if args != nil {
		raw, err := json.Marshal(args)
		if err != nil {
			return err
		}
		call.Parameters = raw
	}
	b, err := varlink.Encode(call)
	if err != nil {
		return err
	}
	if _, err := c.conn.Write(b); err != nil {
		return c.lost(ctx, method, err)
	}
	return nil
}

func (c *Client) receive(ctx context.Context, method string) (varlink.Reply, error) {
	var r varlink.Reply
	b, err := c.in.ReadBytes(0)
	if err != nil {
		return r, c.lost(ctx, method, err)
	}
	if err := json.Unmarshal(b[:len(b)-1], &r); err != nil {
		return r, fmt.Errorf("answer of %s to %s: %w", c.service.Name, method, err)
	}
	switch {
	case r.Error == "":
		return r, nil
	case c.service.Explain != nil:
		return r, c.service.Explain(r.Error, r.Parameters)
	}
	e := &Error{Name: r.Error, Parameters: r.Parameters}
	_ = json.Unmarshal(r.Parameters, &e.Fault) // the name alone says enough
	return r, e
}

func (c *Client) lost(ctx context.Context, method string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer of %s to %s: %w", c.service.Name, method, ctx.Err())
	}
	return fmt.Errorf("connection to %s lost during %s: %w", c.service.Name, method, err)
}
