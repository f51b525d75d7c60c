package demo_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The ports of the demo's daemons.
const (
	sshPort   = 22
	nginxPort = 80
	redisPort = 6379
	helloPort = 8080
)

// redis sends commands on one connection and returns their answers, each in a
// line, that of an array with blanks between its elements.
func (d demo) redis(commands ...string) string {
	d.Helper()
	answers, err := redis(d.Address(redisPort), commands)
	if err != nil {
		d.Fatalf("redis: %q: %q, %v", commands, answers, err)
	}
	return strings.Join(answers, "\n")
}

func redis(address string, commands []string) (answers []string, err error) {
	conn, err := net.DialTimeout("tcp", address, limit)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	for _, c := range commands {
		fmt.Fprintf(conn, "%s\r\n", c) // an error shows at the read
		answer, err := redisAnswer(r)
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

// redisAnswer reads one value of the protocol RESP2.
func redisAnswer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, text := line[0], strings.TrimSpace(line[1:])
	n, _ := strconv.Atoi(text) // of kinds that have a length
	switch {
	case kind == '-':
		return "", errors.New(text)
	case kind == '$' && n >= 0:
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return string(b[:n]), err
	case kind == '*':
		var all []string
		for range n {
			one, err := redisAnswer(r)
			if err != nil {
				return "", err
			}
			all = append(all, one)
		}
		return strings.Join(all, " "), nil
	}
	return text, nil
}

// page gets a page from a port of the guest.
func (d demo) page(port int, path string) string {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+d.Address(port)+path, nil)
	if err != nil {
		d.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.Fatalf("%s: %s, %v: %s", path, answer.Status, err, text)
	}
	return string(text)
}

// login runs a command as root over SSH. The guest's host key is learned at the
// first login and has to be the same at all later ones of this test's key.
func (d demo) login(command string) string {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.T.Context(), limit)
	defer cancel()
	host, port, _ := strings.Cut(d.Address(sshPort), ":")
	ssh := exec.CommandContext(ctx, "ssh", "-F", "none", "-i", d.key, "-p", port,
		"-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-o", "HostKeyAlias=demo",
		"-o", "UserKnownHostsFile="+filepath.Join(filepath.Dir(d.key), "known_hosts"), "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "StrictHostKeyChecking=accept-new", "root@"+host, command)
	out, err := ssh.CombinedOutput()
	if err != nil {
		d.Fatalf("ssh: %v: %s", err, out)
	}
	return string(out)
}

// serves checks that all daemons answer, and waits for those that are about to.
func (d demo) serves() {
	d.Helper()
	d.Must(limit, d.Answers(redisPort, "PING\r\n", `^\+PONG`))
	d.Must(limit, d.Answers(nginxPort, "GET / HTTP/1.0\r\n\r\n", `nginx from Debian, started by ClarityOS`))
	d.Must(limit, d.Answers(helloPort, "GET / HTTP/1.0\r\n\r\n", `hello from ClarityOS`))
	d.Must(limit, d.Answers(sshPort, "", `^SSH-2.0-OpenSSH`))
	d.Must(limit, d.Succeeds("chronyc tracking"))
}
