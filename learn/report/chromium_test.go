package report

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// chromium is a browser without a window that is driven by the DevTools protocol over a
// pair of pipes (--remote-debugging-pipe): JSON messages, each ended by a NUL.
type chromium struct {
	t  *testing.T
	to io.Writer

	mu      sync.Mutex
	change  *sync.Cond
	last    int
	answers map[int]answer
	events  []event
	ended   error
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

type event struct {
	SessionID string
	Method    string
	Params    json.RawMessage
}

// answerMost bounds each wait for the browser.
const answerMost = time.Minute

func startChromium(t *testing.T) *chromium {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirIn.Close(), theirOut.Close()
	c := &chromium{t: t, to: to, answers: map[int]answer{}}
	c.change = sync.NewCond(&c.mu)
	var read sync.WaitGroup
	read.Go(func() { c.read(from) })
	t.Cleanup(func() {
		c.call("", "Browser.close", nil)
		_ = to.Close()
		read.Wait() // it has closed its end: what it started is gone as well
		_ = cmd.Wait()
		_ = from.Close()
	})
	return c
}

func (c *chromium) read(from io.Reader) {
	r := bufio.NewReader(from)
	for {
		raw, err := r.ReadBytes(0)
		var m struct {
			ID int
			answer
			event
		}
		if err == nil {
			err = json.Unmarshal(raw[:len(raw)-1], &m)
		}
		c.mu.Lock()
		switch {
		case err != nil:
			c.ended = err
		case m.ID > 0:
			c.answers[m.ID] = m.answer
		default:
			c.events = append(c.events, m.event)
		}
		c.change.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// until waits until what holds under the lock; what names it.
func (c *chromium) until(what string, holds func() bool) {
	c.t.Helper()
	late := false
	timer := time.AfterFunc(answerMost, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.change.Broadcast()
	})
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !holds() {
		if c.ended != nil || late {
			c.t.Fatalf("chromium: %s: not in %v, %v", what, answerMost, c.ended)
		}
		c.change.Wait()
	}
}

func (c *chromium) call(session, method string, params any) json.RawMessage {
	c.t.Helper()
	c.mu.Lock()
	c.last++
	id := c.last
	c.mu.Unlock()
	m := map[string]any{"id": id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if session != "" {
		m["sessionId"] = session
	}
	raw, err := json.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.to.Write(append(raw, 0)); err != nil {
		c.t.Fatalf("chromium: %s: %v", method, err)
	}
	var a answer
	c.until(method, func() (ok bool) { a, ok = c.answers[id]; return ok })
	if a.Error != nil {
		c.t.Fatalf("chromium: %s: %s", method, a.Error.Message)
	}
	return a.Result
}

// tab is a page that is shown.
type tab struct {
	*chromium
	*testing.T
	session string
}

// view is how a page is shown.
type view struct {
	width, height int
	dark, noJS    bool
}

// open shows a page that is in a file, and waits until it is there.
func (c *chromium) open(t *testing.T, page string, v view) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	decode := func(raw json.RawMessage, to any) {
		if err := json.Unmarshal(raw, to); err != nil {
			t.Fatal(err)
		}
	}
	var own struct{ BrowserContextID string } // what a page has stored is not the next one's
	decode(c.call("", "Target.createBrowserContext", nil), &own)
	var target struct{ TargetID string }
	decode(c.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": own.BrowserContextID}), &target)
	var attached struct{ SessionID string }
	decode(c.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	b := &tab{c, t, attached.SessionID}
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": v.height, "deviceScaleFactor": 1, "mobile": v.width < 600})
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}}})
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": v.noJS})
	b.call("Page.navigate", map[string]any{"url": "file://" + path})
	c.until("the page", func() bool { return len(b.seen("Page.loadEventFired")) > 0 })
	t.Cleanup(func() {
		c.call("", "Target.disposeBrowserContext", map[string]any{"browserContextId": own.BrowserContextID})
	})
	return b
}

func (b *tab) call(method string, params any) json.RawMessage {
	b.Helper()
	return b.chromium.call(b.session, method, params)
}

// seen gives the events of the tab of some kinds; the lock is held.
func (b *tab) seen(methods ...string) (out []string) {
	for _, e := range b.events {
		if e.SessionID == b.session && slices.Contains(methods, e.Method) {
			out = append(out, e.Method+" "+string(e.Params))
		}
	}
	return out
}

// complaints are what the console says, and what the page asked of a network.
func (b *tab) complaints() (out []string) {
	b.eval("0") // what was said before has come
	b.mu.Lock()
	defer b.mu.Unlock()
	out = b.seen("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening", "Network.webSocketCreated")
	for _, e := range b.events {
		var p struct{ Request struct{ URL string } }
		if e.SessionID == b.session && e.Method == "Network.requestWillBeSent" && json.Unmarshal(e.Params, &p) == nil &&
			!hasPrefix(p.Request.URL, "file://", "data:") {
			out = append(out, "it asked for "+p.Request.URL)
		}
	}
	return out
}

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return len(s) >= len(p) && s[:len(p)] == p })
}

// eval gives the value of an expression of JavaScript, as JSON has it.
func (b *tab) eval(expression string) any {
	b.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	raw := b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true})
	if err := json.Unmarshal(raw, &r); err != nil || r.ExceptionDetails != nil {
		b.Fatalf("%s: %v %s", expression, err, r.ExceptionDetails)
	}
	return r.Result.Value
}

// is holds an expression to a value.
func (b *tab) is(expression string, want any) {
	b.Helper()
	if got := b.eval(expression); fmt.Sprint(got) != fmt.Sprint(want) {
		b.Errorf("%s is %v, want %v", expression, got, want)
	}
}

// press presses keys, by their names.
func (b *tab) press(keys ...string) {
	b.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40, "ArrowRight": 39}
	for _, k := range keys {
		p := map[string]any{"type": "keyDown", "key": k, "code": k, "windowsVirtualKeyCode": codes[k]}
		if k == "Enter" {
			p["text"] = "\r"
		}
		b.call("Input.dispatchKeyEvent", p)
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": k, "code": k, "windowsVirtualKeyCode": codes[k]})
	}
}

// screenshot writes what is shown, the whole page, into a folder.
func (b *tab) screenshot(folder, name string) {
	b.Helper()
	var shot struct{ Data string }
	if err := json.Unmarshal(b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": false}), &shot); err != nil {
		b.Fatal(err)
	}
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
}
