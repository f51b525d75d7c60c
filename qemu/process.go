package qemu

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is one QEMU, from power-on to its end, with our ends of its streams.
type process struct {
	cmd     *exec.Cmd
	console net.Conn
	agent   net.Conn
	qmp     net.Conn
	stderr  *bytes.Buffer // readable once done is closed

	done chan struct{} // closed when QEMU has ended and said its last words
	err  error         // how it ended, readable once done is closed
}

// launch starts QEMU, whose console goes to the writer. It is killed by the
// kernel if we die first.
func launch(program string, args []string, console io.Writer) (*process, error) {
	p := &process{done: make(chan struct{}), stderr: &bytes.Buffer{}}
	var theirs [3]*os.File
	for i, ours := range []*net.Conn{&p.console, &p.agent, &p.qmp} {
		var err error
		if *ours, theirs[i], err = socketPair(); err != nil {
			p.closeStreams()
			closeAll(theirs[:])
			return nil, err
		}
	}
	p.cmd = exec.Command(program, args...)
	p.cmd.ExtraFiles = theirs[:]
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}

	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is for the end of this thread
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		closeAll(theirs[:])
		started <- err
		if err != nil {
			return
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(console, p.console) // it ends with QEMU
		}()
		p.err = p.cmd.Wait()
		<-read
		p.closeStreams()
		close(p.done)
	}()
	if err := <-started; err != nil {
		p.closeStreams()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

// kill ends QEMU as a power cut would end the machine, and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

func (p *process) closeStreams() {
	for _, c := range []net.Conn{p.console, p.agent, p.qmp} {
		if c != nil {
			c.Close()
		}
	}
}

// ending says how QEMU ended, with what it said itself. It is nil after an
// orderly power-off.
func (p *process) ending() error {
	if p.err == nil {
		return nil
	}
	if said := strings.TrimSpace(p.stderr.String()); said != "" {
		return fmt.Errorf("QEMU: %w: %s", p.err, said)
	}
	return fmt.Errorf("QEMU: %w", p.err)
}

// socketPair returns our end of a stream, and the end for a child.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair for QEMU: %w", err)
	}
	mine, theirs := os.NewFile(uintptr(fds[0]), "qemu"), os.NewFile(uintptr(fds[1]), "for qemu")
	defer mine.Close()
	conn, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("make a socket pair for QEMU: %w", err)
	}
	return conn, theirs, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
