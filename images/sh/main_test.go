package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestSh(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	script := file("script", "echo $# $1 \"$@\"; exit 3")
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
		stdin, err := os.Open(file("stdin", test.stdin))
		if err != nil {
			t.Fatal(err)
		}
		defer stdin.Close()
		var stdout, stderr bytes.Buffer
		status := 2
		c, err := parse(test.argv)
		if err == nil {
			status, _ = c.run(stdin, &stdout, &stderr)
		}
		if stdout.String() != test.stdout || status != test.status {
			t.Errorf("%q: printed %q, status %d; want %q, %d (%v, %s)", test.argv, &stdout, status, test.stdout, test.status, err, &stderr)
		}
	}
	if c, err := parse([]string{"-sh"}); err != nil || !c.login {
		t.Errorf("-sh is no login shell: %+v, %v", c, err)
	}
}
