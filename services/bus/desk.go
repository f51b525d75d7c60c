package bus

import (
	"encoding/json"
	"fmt"
	"slices"
)

// maxTasks bounds the requests that are under way, of all together.
const maxTasks = 256

// desk hands requests to who attends to their topics, and answers to who asked.
// It is not safe for concurrent use.
type desk struct {
	last       uint64
	attendants []*attendant
	open       map[uint64]*request
}

// attendant is somebody who takes requests.
type attendant struct {
	topics []Pattern
	tasks  chan Task // holds all that can be under way
}

// request is one that is under way; its answer is sent once.
type request struct {
	by     *attendant
	answer chan answer
}

type answer struct {
	body json.RawMessage
	err  string // "": it was done
	name string // of the varlink error
}

func (d *desk) attend(topics []Pattern) *attendant {
	a := &attendant{topics, make(chan Task, maxTasks)}
	d.attendants = append(d.attendants, a)
	return a
}

// leave ends an attendant, whose requests nobody will answer any more.
func (d *desk) leave(a *attendant) {
	d.attendants = slices.DeleteFunc(d.attendants, func(o *attendant) bool { return o == a })
	for id, r := range d.open {
		if r.by == a {
			d.settle(id, answer{name: ErrNoAnswer, err: "who attended to it has gone"})
		}
	}
}

// ask hands a request to the first who attends to its topic.
func (d *desk) ask(topic string, body json.RawMessage) (id uint64, r *request, refusal *answer) {
	for _, a := range d.attendants {
		if !slices.ContainsFunc(a.topics, func(p Pattern) bool { return p.Matches(topic) }) {
			continue
		}
		if len(d.open) >= maxTasks {
			return 0, nil, &answer{name: ErrBusy, err: fmt.Sprintf("%d requests are under way", maxTasks)}
		}
		if d.open == nil {
			d.open = map[uint64]*request{}
		}
		d.last++
		r = &request{a, make(chan answer, 1)}
		select {
		case a.tasks <- Task{ID: d.last, Topic: topic, Body: body}:
		default: // it has not taken those that were given up
			return 0, nil, &answer{name: ErrBusy, err: "who attends to it takes no requests"}
		}
		d.open[d.last] = r
		return d.last, r, nil
	}
	return 0, nil, &answer{name: ErrNobody, err: fmt.Sprintf("nobody attends to %.100q", topic)}
}

// settle answers a request, if it is still under way.
func (d *desk) settle(id uint64, a answer) bool {
	r := d.open[id]
	if r == nil {
		return false
	}
	delete(d.open, id)
	r.answer <- a
	return true
}
