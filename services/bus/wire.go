package bus

import (
	"encoding/json"
	"time"

	"clarityos/services/varlink"
)

// Path is the bus's socket, Interface its varlink interface.
const (
	Path      = "/run/clarity/bus"
	Interface = "io.clarityos.Bus"
)

// MaxBatch is how many messages go into one call or reply; MaxRequest bounds a
// call in bytes.
const (
	MaxBatch   = 64
	MaxRequest = 256 << 10
)

// The errors of the interface, beside varlink's own.
const (
	ErrRefused  = Interface + ".Refused"  // what was published is no message, or has no room
	ErrNobody   = Interface + ".Nobody"   // attends to the topic of a request
	ErrNoAnswer = Interface + ".NoAnswer" // in time, or whoever attends has gone
	ErrBusy     = Interface + ".Busy"     // too many requests are under way
)

// PublishArgs are the parameters of Publish: up to MaxBatch messages. They are
// taken in order until one is refused.
type PublishArgs struct {
	Messages []Message `json:"messages"`
}

// PublishReply answers Publish: the messages' numbers. Critical ones survive the
// bus from then on.
type PublishReply struct {
	Seqs []uint64 `json:"seqs"`
}

// Refusal is the parameters of ErrRefused. Those before the one that was refused
// were taken.
type Refusal struct {
	Taken   int    `json:"taken"`
	Message string `json:"message"`
}

// Delivery answers Subscribe, again and again: first, at once, an empty one, then
// up to MaxBatch messages with what was lost before them.
type Delivery struct {
	Messages []Message `json:"messages"`
	Lost     *Losses   `json:"lost,omitempty"`
}

// KeptReply answers Kept, whose parameters are an Interest.
type KeptReply struct {
	Messages []Message `json:"messages"`
}

// AttendArgs are the parameters of Attend.
type AttendArgs struct {
	Topics []Pattern `json:"topics"`
}

// Task answers Attend, again and again: a request, to be answered with Answer. The
// first one is empty and says that requests come from then on.
type Task struct {
	ID    uint64          `json:"id"`
	Topic string          `json:"topic,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// AnswerArgs are the parameters of Answer: Error is "" when the task was done.
type AnswerArgs struct {
	ID    uint64          `json:"id"`
	Body  json.RawMessage `json:"body,omitempty"`
	Error string          `json:"error,omitempty"`
}

// AskArgs are the parameters of Ask. Timeout is 1 ns to an hour; 0 is 10 s.
type AskArgs struct {
	Topic   string          `json:"topic"`
	Body    json.RawMessage `json:"body,omitempty"`
	Timeout time.Duration   `json:"timeout,omitempty"`
}

// AskReply answers Ask.
type AskReply struct {
	Body json.RawMessage `json:"body,omitempty"`
}

// Service is what the bus tells of itself.
var Service = varlink.Service{Product: "bus", Interface: Interface, Description: `# What the parts of ClarityOS tell each other. Topics and their bodies: services/bus/REFERENCE.md.
# Root may call everything. Others may subscribe to topics that are for all, and ask for Stats.
interface io.clarityos.Bus

# Version 0: the one that the bus knows. Seq: CLOCK_BOOTTIME in nanoseconds when the bus took it, made unique.
# Gone: what the key names is no more.
type Message (topic: string, version: ?int, priority: ?string, key: ?string, seq: ?int, gone: ?bool, body: ?object)
type Losses (high: ?int, normal: ?int, low: ?int, folded: ?int)
type Subscriber (name: string, topics: ?[]string, queued: int, lost: Losses)

# At most 64 messages, of which topic and body count, or topic, key and gone. Answered when critical ones would
# survive the bus.
method Publish(messages: []Message) -> (seqs: []int)
# Needs "more". What is kept comes first: of critical topics only what is newer than after. News leaves that out.
# Topics are patterns with * for a word and ** for all further ones; none are all. Lost is since the last reply.
method Subscribe(topics: ?[]string, priority: ?string, after: ?int, news: ?bool) -> (messages: []Message, lost: ?Losses)
# What Subscribe would begin with.
method Kept(topics: ?[]string, priority: ?string, after: ?int) -> (messages: []Message)
# Needs "more". Gives the requests for these topics, each to be answered with Answer.
method Attend(topics: []string) -> (id: int, topic: ?string, body: ?object)
method Answer(id: int, body: ?object, error: ?string) -> ()
# Hands a request to who attends to its topic. Timeout in nanoseconds, at most an hour.
method Ask(topic: string, body: ?object, timeout: ?int) -> (body: ?object)
method Stats() -> (published: [string]int, delivered: int, refused: int, lost: Losses, kept: int, subscribers: ?[]Subscriber)

error Refused (taken: int, message: string)
error Nobody (message: string)
error NoAnswer (message: string)
error Busy (message: string)
`}
