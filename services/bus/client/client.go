// Package client is for programs that publish, subscribe, and ask each other
// over the bus. What goes on for long outlasts the bus's restarts: a Publisher
// keeps what has not been taken, Follow and Attend connect anew.
package client

import (
	"context"
	"encoding/json"
	"time"

	"clarityos/services/bus"
	"clarityos/services/varlink/client"
)

// Error is an error reply of the bus.
type Error = client.Error

// Dial connects to the bus at path. Error replies are *Error.
func Dial(ctx context.Context, path string) (*client.Client, error) {
	return client.Dial(ctx, path, client.Service{Name: "the bus", Interface: bus.Interface})
}

// Call makes one call on a connection of its own.
func Call(ctx context.Context, path, method string, args, reply any) error {
	conn, err := Dial(ctx, path)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Call(ctx, method, args, reply)
}

// Ask hands a request to who attends to its topic, and decodes the answer into
// reply, which may be nil.
func Ask(ctx context.Context, path, topic string, body, reply any, timeout time.Duration) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var r bus.AskReply
	if err := Call(ctx, path, "Ask", bus.AskArgs{Topic: topic, Body: raw, Timeout: timeout}, &r); err != nil || reply == nil {
		return err
	}
	return json.Unmarshal(r.Body, reply)
}

// How long Follow, Attend and a Publisher wait before they connect again.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 2 * time.Second
)

// lasting calls once again and again until ctx ends. Trouble is told each time
// that once begins to fail, if it is not nil; once calls well when it works.
func lasting(ctx context.Context, trouble func(error), once func(well func()) error) {
	wait, told := retryFirst, false
	for ctx.Err() == nil {
		err := once(func() { wait, told = retryFirst, false })
		if err != nil && ctx.Err() == nil && !told && trouble != nil {
			told = true
			trouble(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, retryMost)
	}
}

// Follow gives what is published to take, in the order in which the bus gives it,
// until ctx ends or take gives an error, which it returns. After the bus was away
// critical states are given from where they left off; what else was said in the
// meantime is not. Trouble, which may be nil, is told why there is no bus.
func Follow(ctx context.Context, path string, in bus.Interest, trouble func(error), take func(bus.Delivery) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lasting(ctx, trouble, func(well func()) error {
		conn, err := Dial(ctx, path)
		if err != nil {
			return err
		}
		defer conn.Close()
		return conn.Stream(ctx, "Subscribe", in, func(raw json.RawMessage) error {
			well()
			var d bus.Delivery
			if err := json.Unmarshal(raw, &d); err != nil {
				return err
			}
			if err := take(d); err != nil {
				cancel(err)
				return err
			}
			for _, m := range d.Messages {
				if m.Priority == bus.Critical {
					in.After, in.News = max(in.After, m.Seq), false
				}
			}
			return nil
		})
	})
	return context.Cause(ctx)
}

// Attend answers requests for topics until ctx ends, one at a time. An error of
// answer is told to who asked.
func Attend(ctx context.Context, path string, topics []bus.Pattern, trouble func(error), answer func(bus.Task) (any, error)) {
	lasting(ctx, trouble, func(well func()) error {
		conn, err := Dial(ctx, path)
		if err != nil {
			return err
		}
		defer conn.Close()
		return conn.Stream(ctx, "Attend", bus.AttendArgs{Topics: topics}, func(raw json.RawMessage) error {
			well()
			var t bus.Task
			if err := json.Unmarshal(raw, &t); err != nil || t.ID == 0 {
				return err
			}
			a := bus.AnswerArgs{ID: t.ID}
			body, err := answer(t)
			if err == nil {
				a.Body, err = json.Marshal(body)
			}
			if err != nil {
				a.Error = err.Error()
			}
			_ = Call(ctx, path, "Answer", a, nil) // who asked may have given up
			return nil
		})
	})
}
