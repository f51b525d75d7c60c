package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSh(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("echo $# $1 \"$@\"; exit 3"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		argv   []string
		stdin  string
		stdout string
		status int
	}{
		{[]string{"sh", "-c", "echo $1-$2", "name", "a", "b"}, "", "a-b\n", 0},
		{[]string{"sh", "-ec", "false; echo no"}, "", "", 1},
		{[]string{"sh", "-e", "-c", "false; echo no"}, "", "", 1},
		{[]string{"sh", "-uc", "echo ok"}, "", "ok\n", 0},
		{[]string{"/bin/sh", script, "x", "y z"}, "", "2 x x y z\n", 3},
		{[]string{"sh", "-e", "--", script}, "", "0\n", 3},
		{[]string{"sh"}, "read a; echo got $a\n", "got\n", 0},
		{[]string{"sh", "-s"}, "exit 7", "", 7},
		{[]string{"sh", "/no/such/script"}, "", "", 127},
		{[]string{"sh", "-c", "if"}, "", "", 2},
		{[]string{"sh", "-c"}, "", "", 2},
		{[]string{"sh", "-Z"}, "", "", 2},
	} {
		var stdout, stderr bytes.Buffer
		status := 2
		c, err := parse(test.argv)
		if err == nil {
			status, _ = c.run(strings.NewReader(test.stdin), &stdout, &stderr)
		}
		if stdout.String() != test.stdout || status != test.status {
			t.Errorf("%q: printed %q, status %d; want %q, %d (%v, %s)", test.argv, &stdout, status, test.stdout, test.status, err, &stderr)
		}
	}
	if c, err := parse([]string{"-sh"}); err != nil || !c.login {
		t.Errorf("-sh is no login shell: %+v, %v", c, err)
	}
}
