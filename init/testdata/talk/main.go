// Command talk is a service that does what its arguments say, one after another.
//
//	say=A=1|B=2     sends lines by sd_notify
//	fd=N            writes a newline to descriptor N
//	wait=FILE       until the file is there
//	sleep=SPAN      that long
//	touch=FILE      makes it
//	print=TEXT      a line on standard output; $NAME is the environment's
//	read            prints what standard input has
//	self            prints how it is scheduled and limited
//	reload          answers SIGHUP with RELOADING=1 and, after a while, READY=1
//	fds             prints what it was passed, and answers whoever connects with its pid
//	dial=NET:ADDR   connects and prints the answer
//	http=ADDR       answers 200, or 500 while /run/sick is there
//	bus=NAME        takes a name on the system bus
//	eat             takes memory until there is none
//	bomb            forks as fast as it can, for ever
//	double          forks and ends, again and again, each in a session of its own
//	deaf            ignores every signal that it can
//	pty=FILE        makes a terminal, whose name goes into FILE
//	size            prints the size of the terminal
//	exit=N          ends
//
// Those that attack PID 1 are in attack.go. After the last it sleeps until it is killed.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"clarityos/services/sdnotify"
)

func main() {
	for _, arg := range os.Args[1:] {
		verb, value, _ := strings.Cut(arg, "=")
		if err := do(verb, value); err != nil {
			fmt.Fprintf(os.Stderr, "talk: %s: %v\n", arg, err)
			os.Exit(1)
		}
	}
	for {
		time.Sleep(time.Hour)
	}
}

func do(verb, value string) error {
	switch verb {
	case "say":
		return sdnotify.Send(strings.ReplaceAll(value, "|", "\n"))
	case "fd":
		n, err := strconv.Atoi(value)
		if err == nil {
			_, err = unix.Write(n, []byte("\n"))
		}
		return err
	case "wait":
		for {
			if _, err := os.Stat(value); err == nil {
				return nil
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "sleep":
		d, err := time.ParseDuration(value)
		time.Sleep(d)
		return err
	case "touch":
		return os.WriteFile(value, nil, 0o644)
	case "print":
		fmt.Println(os.ExpandEnv(value))
	case "read":
		b, err := io.ReadAll(os.Stdin)
		fmt.Printf("input %q\n", b)
		return err
	case "self":
		return self()
	case "reload":
		go reload()
	case "fds":
		return descriptors()
	case "dial":
		network, address, _ := strings.Cut(value, ":")
		c, err := net.DialTimeout(network, address, 5*time.Second)
		if err != nil {
			return err
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		b, err := io.ReadAll(c)
		fmt.Printf("%s", b)
		return err
	case "http":
		go func() {
			panic(http.ListenAndServe(value, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if _, err := os.Stat("/run/sick"); err == nil {
					w.WriteHeader(500)
				}
			})))
		}()
	case "bus":
		bus, err := dbus.ConnectSystemBus()
		if err == nil {
			_, err = bus.RequestName(value, dbus.NameFlagDoNotQueue)
		}
		return err
	case "eat":
		var held [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
		}
	case "bomb":
		for {
			_ = exec.Command("/proc/self/exe", "bomb").Start() // fails when there is no more room
		}
	case "double":
		time.Sleep(10 * time.Millisecond)
		next := exec.Command("/proc/self/exe", "double")
		next.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := next.Start(); err != nil {
			return err
		}
		os.Exit(0)
	case "deaf":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGABRT)
	case "pty":
		return pty(value)
	case "size":
		w, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err == nil {
			fmt.Printf("size %dx%d\n", w.Row, w.Col)
		}
		return err
	case "exit":
		n, err := strconv.Atoi(value)
		if err == nil {
			os.Exit(n)
		}
		return err
	default:
		return attack(verb, value)
	}
	return nil
}

func self() error {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return err
	}
	io, _, _ := unix.RawSyscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return err
	}
	slack, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return err
	}
	var procs unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &procs); err != nil {
		return err
	}
	oom, err := os.ReadFile("/proc/self/oom_score_adj")
	fmt.Printf("%s: uid %d policy %d priority %d nice %d io %d:%d cpus %d slack %d oom %s umask %03o procs %d:%d\n", os.Args[0], os.Getuid(), attr.Policy, attr.Priority,
		attr.Nice, io>>13, io&7, set.Count(), slack, strings.TrimSpace(string(oom)), unix.Umask(0), procs.Cur, procs.Max)
	return err
}

func reload() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	for range c {
		var now unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
		_ = sdnotify.Send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
		for {
			if _, err := os.Stat("/run/reloaded"); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		_ = sdnotify.Send("READY=1")
	}
}

func descriptors() error {
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return err
	}
	fmt.Printf("passed %d, names %s, mine %v\n", n, os.Getenv("LISTEN_FDNAMES"), os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()))
	for fd := 3; fd < 3+n; fd++ {
		l, err := net.FileListener(os.NewFile(uintptr(fd), "listener"))
		if err != nil {
			continue // no stream
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				fmt.Fprintf(c, "pid %d\n", os.Getpid())
				c.Close()
			}
		}()
	}
	return nil
}

func pty(file string) error {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(os.Stdout, master) }()
	return os.Symlink(fmt.Sprintf("/dev/pts/%d", n), file)
}
