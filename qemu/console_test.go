package qemu

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func testConsole(t *testing.T) *Console {
	c, err := newConsole(filepath.Join(t.TempDir(), "console"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.close() })
	return c
}

func write(t *testing.T, c *Console, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestConsoleFind(t *testing.T) {
	c := testConsole(t)
	find := func(expr string) (string, bool) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what is there is looked at even so
		return c.find(ctx, regexp.MustCompile(expr), false)
	}
	write(t, c, "one\r\ntwo\r\nlogin: ")
	for expr, want := range map[string]string{"^one$": "one", "t": "two", "login: $": "login: "} {
		if got, ok := find(expr); !ok || got != want {
			t.Errorf("%s: %q, %v", expr, got, ok)
		}
	}
	if got, ok := find("three"); ok || got != "login: " {
		t.Errorf("three: %q, %v", got, ok)
	}
	write(t, c, strings.Repeat("x", 3*longestLine)+"\nafter\n")
	if _, ok := find("^after$"); !ok {
		t.Error("a very long line hides what follows")
	}
	c.beginBoot()
	if got, ok := find("one"); ok {
		t.Errorf("the boot before still says %q", got)
	}
}

func TestConsoleFindWaits(t *testing.T) {
	c := testConsole(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	found := make(chan string, 1)
	go func() {
		line, _ := c.find(ctx, regexp.MustCompile(`ready (\d+)$`), false)
		found <- line
	}()
	for _, part := range []string{"boot", "ing\nre", "ady ", "7\r", "\n"} {
		write(t, c, part)
	}
	if got := <-found; got != "ready 7" {
		t.Errorf("found %q", got)
	}
}

// A line that has to be whole is found with its end, however it comes in.
func TestConsoleWholeLine(t *testing.T) {
	c := testConsole(t)
	found := make(chan string)
	go func() {
		line, _ := c.find(t.Context(), regexp.MustCompile(`^why: `), true)
		found <- line
	}()
	for _, part := range []string{"w", "hy: the di", "sk is", " gone\r", "\n# "} {
		write(t, c, part)
	}
	if got := <-found; got != "why: the disk is gone" {
		t.Errorf("found %q", got)
	}
	if got := c.Boot(); len(got) != 2 || got[0] != "why: the disk is gone" || got[1] != "# " {
		t.Errorf("the boot wrote %q", got)
	}
}

func TestConsoleTail(t *testing.T) {
	c := testConsole(t)
	if got := c.Tail(3); got != "" {
		t.Errorf("nothing: %q", got)
	}
	for i := range 1000 {
		write(t, c, fmt.Sprintf("line %d\r\n", i))
	}
	if got := c.Tail(2); got != "line 998\nline 999" {
		t.Errorf("got %q", got)
	}
}
