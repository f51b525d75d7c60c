package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"clarityos/services/control"
	"clarityos/services/control/client"
)

// patience is how long PID 1 may take to answer, whatever is done to it.
const patience = 10 * time.Second

// attack is the verbs that are meant to harm PID 1. All of them need root.
//
//	signals=SPAN    sends PID 1 every signal that does not ask for the end, that long
//	short=N         makes N children of its parent, each of which ends at once
//	orphans=N       makes N processes without a parent, which end a little later
//	requests=N      makes N calls of many kinds, some of them wrong, over four connections
//	mute=N          has N connections that say nothing, until /run/over is there
//	unread=N        has N connections that ask a lot and read nothing, until /run/over is there
//	noise=N         sends random bytes N times to each socket of PID 1 and of the log
//	clock=SPAN      moves the clock
//	nofile=N        limits PID 1's descriptors to N; 0 leaves it none but those it has
//	slay=ROLE:N     kills that role of clarityd, N times, whenever it is there again
//	freeze=DIR      stops all writing to its file system, and thaw=DIR ends that
//	write=FILE      writes to it
//	asks=FILE       asks PID 1 for its status until FILE is there, and prints the longest wait
func attack(verb, value string) error {
	if verb == "asks" {
		return asks(value)
	}
	if verb == "write" {
		return os.WriteFile(value, []byte(value), 0o644)
	}
	if verb == "slay" {
		return slay(value)
	}
	if verb == "freeze" || verb == "thaw" {
		return freeze(value, verb == "freeze")
	}
	if verb == "signals" || verb == "clock" {
		d, err := time.ParseDuration(value)
		if err != nil {
			return err
		}
		if verb == "signals" {
			return signals(d)
		}
		return moveClock(d)
	}
	f := map[string]func(int) error{"short": short, "orphans": orphans, "requests": requests, "mute": mute, "unread": unread, "noise": noise, "nofile": limitFiles}[verb]
	if f == nil {
		return errors.New("no such verb")
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return err
	}
	return f(n)
}

func signals(d time.Duration) error {
	sent := 0
	for end := time.Now().Add(d); time.Now().Before(end); {
		for s := syscall.Signal(1); s <= 64; s++ {
			switch s {
			case syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPWR, 37, 38, 39: // see init/pid1.go
				continue
			}
			// The queue of real-time signals has an end.
			if err := syscall.Kill(1, s); err != nil && err != syscall.EAGAIN {
				return fmt.Errorf("signal %d: %w", s, err)
			}
			sent++
		}
	}
	fmt.Printf("%d signals\n", sent)
	return nil
}

// clone is fork(2). The child, for which it gives 0, may only make raw system
// calls: the runtime has none of its threads there.
//
//go:nosplit
func clone(flags uintptr) (uintptr, syscall.Errno) {
	pid, _, err := syscall.RawSyscall6(syscall.SYS_CLONE, flags|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	return pid, err
}

// breath is waited for when there are as many processes as there may be.
const breath = time.Millisecond

func short(n int) error {
	for done := 0; done < n; {
		pid, err := clone(syscall.CLONE_PARENT)
		switch {
		case err == syscall.EAGAIN:
			time.Sleep(breath)
		case err != 0:
			return err
		case pid == 0:
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		default:
			done++
		}
	}
	return nil
}

func orphans(n int) error {
	nap := syscall.NsecToTimespec(int64(20 * time.Millisecond))
	for done := 0; done < n; {
		pid, err := clone(0)
		if err == syscall.EAGAIN {
			time.Sleep(breath)
			continue
		}
		if err != 0 {
			return err
		}
		if pid == 0 {
			status := uintptr(1)
			switch pid, err := clone(0); {
			case err != 0:
			case pid == 0:
				syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&nap)), 0, 0)
				fallthrough
			default:
				status = 0
			}
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, status, 0, 0)
		}
		var ws syscall.WaitStatus
		if _, err := syscall.Wait4(int(pid), &ws, 0, nil); err != nil {
			return err
		}
		if ws.ExitStatus() == 0 {
			done++
		} else {
			time.Sleep(breath)
		}
	}
	return nil
}

// calls are what requests makes, in turn.
var calls = []struct {
	method string
	args   any
}{
	{"Status", nil}, {"Status", control.UnitArgs{Unit: "steady.service"}}, {"Why", control.UnitArgs{Unit: "steady.service"}},
	{"Events", control.EventsArgs{Last: 1}}, {"Nothing", nil}, {"Status", []int{1}}, {"Status", control.UnitArgs{Unit: "no.service"}},
	{"Change", control.ChangeArgs{Verb: "start", Unit: "steady.service"}},
	{"Kill", control.KillArgs{Unit: "steady.service", Signal: -1}},
}

func requests(n int) error {
	const connections = 4
	var all sync.WaitGroup
	errs := make([]error, connections)
	for c := range connections {
		all.Go(func() {
			for i := c; i < n && errs[c] == nil; {
				errs[c] = func() error {
					ctx := context.Background()
					pid1, err := client.Dial(ctx, control.Path)
					if err != nil {
						return err
					}
					defer pid1.Close()
					for range 1000 { // and then over a new connection
						if i >= n {
							break
						}
						call := calls[i%len(calls)]
						var refused *client.Error
						if err := pid1.Call(ctx, call.method, call.args, nil); err != nil && !errors.As(err, &refused) {
							return err
						}
						i += connections
					}
					return nil
				}()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// connect makes n connections, says something over each, and holds them. PID 1
// may end any of them.
func connect(n int, say string) error {
	var held []net.Conn
	for len(held) < n {
		c, err := net.Dial("unix", control.Path)
		if errors.Is(err, syscall.EAGAIN) {
			time.Sleep(breath)
			continue
		}
		if err != nil {
			return err
		}
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte(say))
		held = append(held, c)
	}
	fmt.Printf("%d connections\n", len(held))
	if err := do("touch", "/run/held"); err != nil {
		return err
	}
	return do("wait", over)
}

// over is made when an attack has lasted long enough.
const over = "/run/over"

func mute(n int) error { return connect(n, "") }

func unread(n int) error {
	return connect(n, strings.Repeat(`{"method":"`+control.Interface+`.List"}`+"\x00", 100))
}

func noise(n int) error {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, seed))
	sockets, err := filepath.Glob("/run/clarity/notify/*")
	if err != nil {
		return err
	}
	sockets = append(sockets, control.Path, "/dev/log", "/run/systemd/journal/socket", "/run/systemd/journal/stdout")
	for range n {
		b := make([]byte, random.IntN(2*control.MaxRequest))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		for _, path := range sockets {
			for _, kind := range []string{"unix", "unixgram"} {
				c, err := net.Dial(kind, path)
				if err != nil {
					continue // the wrong kind, or more than it accepts
				}
				_ = c.SetWriteDeadline(time.Now().Add(10 * breath))
				_, _ = c.Write(b)
				_ = c.Close()
			}
		}
	}
	return nil
}

func moveClock(d time.Duration) error {
	tv := unix.NsecToTimeval(time.Now().Add(d).UnixNano())
	return unix.Settimeofday(&tv)
}

func limitFiles(n int) error {
	if n == 0 {
		for {
			if _, err := os.Lstat(fmt.Sprintf("/proc/1/fd/%d", n)); err != nil {
				break
			}
			n++
		}
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(1, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return err
	}
	limit.Cur = uint64(n)
	return unix.Prlimit(1, unix.RLIMIT_NOFILE, &limit, nil)
}

func slay(value string) error {
	role, count, _ := strings.Cut(value, ":")
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	last := ""
	for end := time.Now().Add(time.Minute); n > 0; time.Sleep(breath) {
		if time.Now().After(end) {
			return fmt.Errorf("%s does not come back: %d kills are left", role, n)
		}
		all, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			return err
		}
		for _, file := range all {
			line, _ := os.ReadFile(file)
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if string(line) == "/usr/lib/clarity/clarityd\x00"+role+"\x00" && file != last && syscall.Kill(pid, syscall.SIGKILL) == nil {
				last = file
				n--
			}
		}
	}
	return nil
}

func freeze(dir string, on bool) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	const fiFreeze, fiThaw = 0xc0045877, 0xc0045878 // include/uapi/linux/fs.h
	if on {
		return unix.IoctlSetInt(int(d.Fd()), fiFreeze, 0)
	}
	return unix.IoctlSetInt(int(d.Fd()), fiThaw, 0)
}

func asks(file string) error {
	longest, n := time.Duration(0), 0
	for {
		// The clock may be what is attacked: this one's difference is monotonic.
		begun := time.Now()
		if err := ask(); err != nil {
			return fmt.Errorf("question %d, after %v: %w", n, time.Since(begun), err)
		}
		longest, n = max(longest, time.Since(begun)), n+1
		if _, err := os.Stat(file); err == nil {
			fmt.Printf("%d questions, the longest wait %v\n", n, longest.Round(time.Millisecond))
			return nil
		}
	}
}

// ask gets an answer within patience. A connection may be ended while there are
// too many, or no descriptors for it: then it asks over a new one.
func ask() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		pid1, err := client.Dial(ctx, control.Path)
		if err == nil {
			err = pid1.Call(ctx, "Status", nil, nil)
			pid1.Close()
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(breath)
	}
}
