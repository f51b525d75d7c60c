package bus

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"time"

	"clarityos/services/varlink"
)

// conn is one client. Its calls are answered in order.
type conn struct {
	server *Server
	line   *net.UnixConn
	in     *bufio.Reader
	uid    int
	name   string
	call   []byte    // the one that is carried out
	batch  []Message // room for what it publishes
}

// keptCall is how large a buffer is kept between calls, in bytes.
const keptCall = 16 << 10

// serve carries out calls until the client hangs up or sends what is none.
func (c *conn) serve() {
	for {
		message, err := c.read()
		if err != nil {
			return
		}
		if !valid(message) {
			return // nothing it sends can be trusted to be framed
		}
		call, err := parseCall(message)
		if err != nil {
			return
		}
		if err := c.carryOut(&call); err != nil {
			return
		}
	}
}

// read gives the next message, whose bytes are the next one's afterwards.
func (c *conn) read() ([]byte, error) {
	if cap(c.call) > keptCall {
		c.call = nil
	}
	c.call = c.call[:0]
	for {
		piece, err := c.in.ReadSlice(0)
		c.call = append(c.call, piece...)
		switch {
		case len(c.call) > MaxRequest:
			return nil, fmt.Errorf("a call of more than %d bytes", MaxRequest)
		case err == nil:
			return c.call[:len(c.call)-1], nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// carryOut carries out one call. An error is the end of the connection.
func (c *conn) carryOut(call *varlink.Call) error {
	name, ours := strings.CutPrefix(call.Method, Interface+".")
	if ours && c.uid != 0 && slices.Contains([]string{"Publish", "Attend", "Answer", "Ask"}, name) {
		return c.fail(call, varlink.ErrPermission, varlink.Fault{Method: name})
	}
	switch {
	case !ours:
		parameters, fault := Service.Introspect(call.Method, call.Parameters)
		return c.write(call, varlink.Reply{Error: fault}, parameters)
	case name == "Publish":
		return c.publish(call)
	case name == "Subscribe":
		return with(c, call, c.subscribe)
	case name == "Kept":
		return with(c, call, c.kept)
	case name == "Attend":
		return with(c, call, c.attend)
	case name == "Answer":
		return with(c, call, c.answer)
	case name == "Ask":
		return with(c, call, c.ask)
	case name == "Stats":
		c.server.mu.Lock()
		st := c.server.broker.Stats()
		c.server.mu.Unlock()
		return c.write(call, varlink.Reply{}, st)
	}
	return c.fail(call, varlink.ErrMethodNotFound, varlink.Fault{Method: call.Method})
}

// with decodes the parameters of a call and carries it out.
func with[A any](c *conn, call *varlink.Call, do func(*varlink.Call, *A) error) error {
	var a A
	if len(call.Parameters) > 0 {
		if err := json.Unmarshal(call.Parameters, &a); err != nil {
			return c.invalid(call, "parameters", err.Error())
		}
	}
	return do(call, &a)
}

func (c *conn) publish(call *varlink.Call) error {
	messages, err := parsePublish(call.Parameters, c.batch[:0])
	defer func() {
		clear(messages)
		c.batch = messages
	}()
	if err != nil {
		return c.invalid(call, "messages", err.Error())
	}
	r := PublishReply{Seqs: make([]uint64, 0, len(messages))}
	s := c.server
	for _, m := range messages {
		s.mu.Lock()
		seq, err := s.broker.Publish(m, s.now())
		s.mu.Unlock()
		if err != nil {
			return c.fail(call, ErrRefused, Refusal{Taken: len(r.Seqs), Message: err.Error()})
		}
		r.Seqs = append(r.Seqs, seq)
	}
	runtime.Gosched() // after many small messages others have their turn
	return c.write(call, varlink.Reply{}, r)
}

// check says which parameter of an interest is none, and why.
func (in *Interest) check() (parameter, message string) {
	if bad := badPattern(in.Topics); bad >= 0 {
		return "topics", fmt.Sprintf("%.100q is no pattern: words with dots between them, * for any one, ** at the end for any number", in.Topics[bad])
	}
	if in.Priority != "" && !in.Priority.Valid() {
		return "priority", fmt.Sprintf("no priority %.20q: they are critical, high, normal and low", in.Priority)
	}
	return "", ""
}

func (c *conn) kept(call *varlink.Call, in *Interest) error {
	if parameter, message := in.check(); parameter != "" {
		return c.invalid(call, parameter, message)
	}
	s := c.server
	s.mu.Lock()
	messages := s.broker.Kept(*in, c.uid == 0)
	s.mu.Unlock()
	if messages == nil {
		messages = []Message{}
	}
	return c.write(call, varlink.Reply{}, KeptReply{messages})
}

func (c *conn) subscribe(call *varlink.Call, in *Interest) error {
	parameter, message := in.check()
	if parameter == "" && (!call.More || call.Oneway) {
		parameter, message = "more", "Subscribe answers again and again, so it has to be called with more"
	}
	if parameter != "" {
		return c.invalid(call, parameter, message)
	}
	woken := make(chan struct{}, 1)
	s := c.server
	s.mu.Lock()
	sub := s.broker.Subscribe(c.name, *in, c.uid == 0, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.broker.Leave(sub)
	}()
	if err := c.write(call, varlink.Reply{Continues: true}, Delivery{Messages: []Message{}}); err != nil {
		return err
	}
	gone := c.gone()
	var out []byte
	room := make([]Message, 0, MaxBatch)
	for {
		select {
		case <-gone:
			return io.EOF
		case <-woken:
		}
		for {
			s.mu.Lock()
			messages, lost := s.broker.Take(sub, room)
			s.mu.Unlock()
			if len(messages) == 0 {
				break
			}
			d := Delivery{Messages: messages}
			if lost != (Losses{}) {
				d.Lost = &lost
			}
			out = appendDelivery(out[:0], &d)
			if _, err := c.line.Write(out); err != nil {
				return err
			}
		}
		if cap(out) > MaxRequest {
			out = nil
		}
	}
}

// gone is closed when the client has hung up. It says nothing any more: its
// connection is a stream of answers.
func (c *conn) gone() <-chan struct{} {
	gone := make(chan struct{})
	c.server.lines.Go(func() {
		defer close(gone)
		_, _ = c.in.ReadByte()
	})
	return gone
}

func badPattern(all []Pattern) int {
	return slices.IndexFunc(all, func(p Pattern) bool { return !p.Valid() })
}

func (c *conn) attend(call *varlink.Call, a *AttendArgs) error {
	switch bad := badPattern(a.Topics); {
	case bad >= 0 || len(a.Topics) == 0:
		return c.invalid(call, "topics", "they are patterns of topics, at least one")
	case !call.More || call.Oneway:
		return c.invalid(call, "more", "Attend answers again and again, so it has to be called with more")
	}
	s := c.server
	s.mu.Lock()
	at := s.desk.attend(a.Topics)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.desk.leave(at)
	}()
	if err := c.write(call, varlink.Reply{Continues: true}, Task{}); err != nil {
		return err
	}
	gone := c.gone()
	for {
		select {
		case <-gone:
			return io.EOF
		case t := <-at.tasks:
			if err := c.write(call, varlink.Reply{Continues: true}, t); err != nil {
				return err
			}
		}
	}
}

func (c *conn) answer(call *varlink.Call, a *AnswerArgs) error {
	reply := answer{body: a.Body, err: a.Error}
	if a.Error != "" {
		reply.name = ErrRefused
	}
	s := c.server
	s.mu.Lock()
	known := s.desk.settle(a.ID, reply)
	s.mu.Unlock()
	if !known {
		return c.fail(call, ErrNoAnswer, varlink.Fault{Message: fmt.Sprintf("request %d is not under way any more", a.ID)})
	}
	return c.write(call, varlink.Reply{}, struct{}{})
}

func (c *conn) ask(call *varlink.Call, a *AskArgs) error {
	switch {
	case a.Timeout == 0:
		a.Timeout = 10 * time.Second
	case a.Timeout < 0 || a.Timeout > time.Hour:
		return c.invalid(call, "timeout", "it is 1 ns to an hour")
	}
	if len(a.Body) > MaxBody {
		return c.invalid(call, "body", fmt.Sprintf("it has %d bytes; there is room for %d", len(a.Body), MaxBody))
	}
	s := c.server
	s.mu.Lock()
	id, r, refusal := s.desk.ask(a.Topic, a.Body)
	s.mu.Unlock()
	if refusal != nil {
		return c.fail(call, refusal.name, varlink.Fault{Message: refusal.err})
	}
	timer := time.NewTimer(a.Timeout)
	defer timer.Stop()
	var got answer
	select {
	case got = <-r.answer:
	case <-timer.C:
		s.mu.Lock()
		s.desk.settle(id, answer{name: ErrNoAnswer, err: fmt.Sprintf("no answer to %s within %v", a.Topic, a.Timeout)})
		s.mu.Unlock()
		got = <-r.answer // ours, or the one that came in between
	}
	if got.name != "" {
		return c.fail(call, got.name, varlink.Fault{Message: got.err})
	}
	return c.write(call, varlink.Reply{}, AskReply{Body: got.body})
}

func (c *conn) invalid(call *varlink.Call, parameter, message string) error {
	return c.fail(call, varlink.ErrInvalidParameter, varlink.Fault{Parameter: parameter, Message: message})
}

func (c *conn) fail(call *varlink.Call, name string, parameters any) error {
	return c.write(call, varlink.Reply{Error: name}, parameters)
}

// write answers a call, unless it wants no answer. It waits until the client
// reads, with nothing held.
func (c *conn) write(call *varlink.Call, r varlink.Reply, parameters any) error {
	if call.Oneway {
		return nil
	}
	raw, err := json.Marshal(parameters)
	if err != nil {
		return err
	}
	r.Parameters = raw
	b, err := varlink.Encode(r)
	if err != nil {
		return err
	}
	_, err = c.line.Write(b)
	return err
}
