package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// PortName is the virtio-serial port that the agent serves.
const PortName = "org.clarityos.agent"

// kind tells what a frame's body is.
type kind byte

const (
	kindHere    kind = iota + 1 // guest: it has started; no body, session 0
	kindHello                   // host: begin this session
	kindWelcome                 // guest: the session is up; welcome
	kindStart                   // host: begin id; request
	kindStdin                   // host: bytes for id
	kindEOF                     // host: no more bytes for id
	kindKill                    // host: end id now
	kindStdout                  // guest: bytes from id
	kindStderr                  // guest: bytes from id
	kindCredit                  // guest: id took this many bytes of its input, a decimal number
	kindExit                    // guest: id is over; exit
)

// window is how many bytes of input may be on their way to one command.
const window = 64 << 10

// welcome tells the host which boot of the guest it talks to.
type welcome struct {
	BootID string `json:"boot_id"`
}

// request begins something that reads stdin, writes stdout and ends.
type request struct {
	Op    string   `json:"op"` // exec, read or write
	Args  []string `json:"args,omitempty"`
	Env   []string `json:"env,omitempty"`
	Dir   string   `json:"dir,omitempty"`
	Stdin bool     `json:"stdin,omitempty"` // stdin follows; else it is empty
	Path  string   `json:"path,omitempty"`  // read, write
	Mode  uint32   `json:"mode,omitempty"`  // write: permission bits
}

// exit is how a request ended. Error is set when it could not be carried out;
// Missing says that this was because a file does not exist.
type exit struct {
	Code    int    `json:"code"`
	Signal  string `json:"signal,omitempty"`
	Held    bool   `json:"held,omitempty"`
	Error   string `json:"error,omitempty"`
	Missing bool   `json:"missing,omitempty"`
}

// Result is how a command ended.
type Result struct {
	// Code is the exit code, or -1 if a signal ended the command.
	Code int
	// Signal names the signal that ended the command, such as "killed".
	Signal string
	// Stdout and Stderr hold what the command wrote, unless the Command
	// named writers.
	Stdout, Stderr []byte
	// Held says that a process which the command left behind kept its
	// output open, so that what it wrote later is not here.
	Held bool
}

// OK reports whether the command ended with exit code 0.
func (r Result) OK() bool { return r.Code == 0 && r.Signal == "" }

// String says in one line how the command ended, with the last line it wrote.
func (r Result) String() string {
	how := fmt.Sprintf("exit code %d", r.Code)
	if r.Signal != "" {
		how = "ended by signal: " + r.Signal
	}
	for _, out := range [][]byte{r.Stderr, r.Stdout} {
		if text := strings.TrimSpace(string(out)); text != "" {
			return how + ": " + text[strings.LastIndexByte(text, '\n')+1:]
		}
	}
	return how
}

// ErrRestarted is returned for a command whose guest rebooted, or whose agent
// began anew, before the command ended. What became of it is unknown.
var ErrRestarted = errors.New("the guest's agent started anew")

// ErrClosed is returned once the stream has ended or Close was called.
var ErrClosed = errors.New("the channel to the guest's agent is closed")

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs of strings and numbers always encode
	}
	return text
}
