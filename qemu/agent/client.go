package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// helloEvery is how often an unanswered greeting is repeated.
const helloEvery = 500 * time.Millisecond

// maxCapture is the most output that Run keeps for a command without writers.
const maxCapture = 64 << 20

// Command is what to run in the guest.
type Command struct {
	Args []string // Args[0] is looked up in the agent's PATH
	Env  []string // added to the agent's environment, as NAME=value
	Dir  string   // "" is the agent's own

	Stdin io.Reader // nil is empty
	// Stdout and Stderr receive the output; without them it is kept in the
	// Result. A Write that blocks holds up every other command.
	Stdout, Stderr io.Writer
}

// Client is the host's side. All methods may be called at the same time.
type Client struct {
	conn   io.ReadWriteCloser
	writes sync.Mutex // held for each Write to conn

	mu      sync.Mutex
	session uint64
	bootID  string
	up      chan struct{} // closed when the session is up
	calls   map[uint32]*call
	nextID  uint32

	greet  chan struct{} // asks the greeter for a new hello
	closed chan struct{}
	once   sync.Once
}

// NewClient begins a session on conn as soon as a guest answers there.
func NewClient(conn io.ReadWriteCloser) *Client {
	c := &Client{
		conn:    conn,
		session: newNonce(),
		up:      make(chan struct{}),
		calls:   map[uint32]*call{},
		greet:   make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	go c.receive()
	go c.greeter()
	return c
}

// Close ends all commands with ErrClosed.
func (c *Client) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.conn.Close()
}

// Ready waits until the guest's agent answers and returns the guest's boot id,
// which changes with each boot.
func (c *Client) Ready(ctx context.Context) (string, error) {
	c.mu.Lock()
	up := c.up
	c.mu.Unlock()
	select {
	case <-up:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.bootID, nil
	case <-c.closed:
		return "", ErrClosed
	case <-ctx.Done():
		return "", fmt.Errorf("the guest's agent has not answered: %w", ctx.Err())
	}
}

// Run runs a command in the guest and waits until it ends. If ctx ends first,
// the command and its process group are killed. A command that could not be
// started is an error; one that failed is a Result.
func (c *Client) Run(ctx context.Context, cmd Command) (Result, error) {
	if len(cmd.Args) == 0 {
		return Result{}, errors.New("run in the guest: no command given")
	}
	var out, err capture
	stdout, stderr := cmd.Stdout, cmd.Stderr
	if stdout == nil {
		stdout = &out
	}
	if stderr == nil {
		stderr = &err
	}
	ended, fail := c.call(ctx, request{Op: "exec", Args: cmd.Args, Env: cmd.Env, Dir: cmd.Dir, Stdin: cmd.Stdin != nil}, cmd.Stdin, stdout, stderr)
	res := Result{Code: ended.Code, Signal: ended.Signal, Held: ended.Held, Stdout: out.Bytes(), Stderr: err.Bytes()}
	if fail != nil {
		return res, fmt.Errorf("run %q in the guest: %w", cmd.Args[0], fail)
	}
	return res, nil
}

// Fetch reads a file of the guest. A file that does not exist gives an error
// that is fs.ErrNotExist.
func (c *Client) Fetch(ctx context.Context, path string) ([]byte, error) {
	var out capture
	if _, err := c.call(ctx, request{Op: "read", Path: path}, nil, &out, io.Discard); err != nil {
		return nil, fmt.Errorf("fetch %s from the guest: %w", path, err)
	}
	return out.Bytes(), nil
}

// Push writes a file of the guest, which appears whole or not at all. Its
// folder must exist.
func (c *Client) Push(ctx context.Context, path string, mode fs.FileMode, content io.Reader) error {
	req := request{Op: "write", Path: path, Mode: uint32(mode.Perm()), Stdin: true}
	if _, err := c.call(ctx, req, content, io.Discard, io.Discard); err != nil {
		return fmt.Errorf("push %s to the guest: %w", path, err)
	}
	return nil
}

func (c *Client) call(ctx context.Context, req request, stdin io.Reader, stdout, stderr io.Writer) (exit, error) {
	body := encode(req)
	if len(body) > maxBody {
		return exit{}, fmt.Errorf("%d bytes of arguments and environment; at most %d go to a guest, the rest through stdin", len(body), maxBody)
	}
	k := newCall(stdout, stderr)
	session, id, err := c.enter(ctx, k)
	if err != nil {
		return exit{}, err
	}
	defer c.leave(id, k)

	if err := c.send(frame{kindStart, session, id, body}); err != nil {
		return exit{}, err
	}
	if stdin != nil {
		go c.feed(session, id, k, stdin)
	}
	select {
	case <-k.done:
	case <-c.closed:
		return exit{}, ErrClosed
	case <-ctx.Done():
		_ = c.send(frame{kind: kindKill, session: session, id: id})
		return exit{}, fmt.Errorf("it has not ended: %w", ctx.Err())
	}
	switch {
	case k.broken != nil:
		return exit{}, k.broken
	case k.exit.Error != "" && k.exit.Missing:
		return k.exit, fmt.Errorf("%s: %w", k.exit.Error, fs.ErrNotExist)
	case k.exit.Error != "":
		return k.exit, errors.New(k.exit.Error)
	}
	return k.exit, k.failed
}

// enter gives the call a number in a session that is up.
func (c *Client) enter(ctx context.Context, k *call) (session uint64, id uint32, err error) {
	for {
		if _, err := c.Ready(ctx); err != nil {
			return 0, 0, err
		}
		c.mu.Lock()
		select {
		case <-c.up:
			c.nextID++
			c.calls[c.nextID] = k
			defer c.mu.Unlock()
			return c.session, c.nextID, nil
		default: // lost again in between
			c.mu.Unlock()
		}
	}
}

// leave forgets the call; its writers are not used any more.
func (c *Client) leave(id uint32, k *call) {
	c.mu.Lock()
	delete(c.calls, id)
	c.mu.Unlock()
	k.retire()
}

// feed sends stdin as far as the guest takes it.
func (c *Client) feed(session uint64, id uint32, k *call, stdin io.Reader) {
	buf := make([]byte, maxBody)
	room := window
	for {
		n, err := stdin.Read(buf)
		for room < n {
			room += k.taken()
			if room >= n {
				break
			}
			select {
			case <-k.more:
			case <-k.done:
				return
			case <-c.closed:
				return
			}
		}
		room -= n
		if n > 0 && c.send(frame{kindStdin, session, id, buf[:n]}) != nil {
			return
		}
		if err != nil {
			_ = c.send(frame{kind: kindEOF, session: session, id: id})
			return
		}
	}
}

func (c *Client) send(f frame) error {
	c.writes.Lock()
	defer c.writes.Unlock()
	if _, err := c.conn.Write(appendFrame(nil, f)); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

// greeter repeats the greeting until the guest answers. It is the only sender
// besides the callers, so that receive never blocks on a write.
func (c *Client) greeter() {
	tick := time.NewTicker(helloEvery)
	defer tick.Stop()
	for {
		c.mu.Lock()
		session, up := c.session, c.up
		c.mu.Unlock()
		select {
		case <-up:
			select {
			case <-c.greet:
			case <-c.closed:
				return
			}
			continue
		default:
		}
		if c.send(frame{kind: kindHello, session: session}) != nil {
			return
		}
		select {
		case <-up:
		case <-tick.C:
		case <-c.greet:
		case <-c.closed:
			return
		}
	}
}

// receive is the only reader of conn.
func (c *Client) receive() {
	defer c.once.Do(func() { close(c.closed) })
	frames := newFrameReader(c.conn)
	for {
		f, err := frames.next()
		if err != nil {
			return
		}
		if f.kind == kindHere {
			c.restart()
			continue
		}
		c.take(f)
	}
}

// restart gives up the session, because whoever answered to it is gone.
func (c *Client) restart() {
	c.mu.Lock()
	for id, k := range c.calls {
		k.broken = ErrRestarted
		close(k.done)
		delete(c.calls, id)
	}
	c.session = newNonce()
	select {
	case <-c.up:
		c.up = make(chan struct{})
	default:
	}
	c.mu.Unlock()
	select {
	case c.greet <- struct{}{}:
	default:
	}
}

// take folds one frame of a guest into the state.
func (c *Client) take(f frame) {
	c.mu.Lock()
	if f.session != c.session {
		c.mu.Unlock()
		return
	}
	if f.kind == kindWelcome {
		var w welcome
		select {
		case <-c.up:
		default:
			if json.Unmarshal(f.body, &w) == nil {
				c.bootID = w.BootID
				close(c.up)
			}
		}
		c.mu.Unlock()
		return
	}
	k := c.calls[f.id]
	if k != nil && f.kind == kindExit {
		delete(c.calls, f.id)
	}
	c.mu.Unlock()
	if k == nil {
		return
	}
	switch f.kind {
	case kindStdout, kindStderr:
		k.write(f.kind, f.body)
	case kindCredit:
		if n, err := strconv.Atoi(string(f.body)); err == nil && n > 0 {
			k.took(n)
		}
	case kindExit:
		if err := json.Unmarshal(f.body, &k.exit); err != nil {
			k.broken = fmt.Errorf("the guest's answer is not understood: %w", err)
		}
		close(k.done)
	}
}

func newNonce() uint64 {
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}
