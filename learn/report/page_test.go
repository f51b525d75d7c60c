package report

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, r *Report) string {
	t.Helper()
	page, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// words are what stands on a page, without its tags.
func words(page string) string {
	if _, body, ok := strings.Cut(page, "<body>"); ok {
		page = body
	}
	return strings.Join(strings.Fields(tags.ReplaceAllString(page, " ")), " ")
}

func TestPage(t *testing.T) {
	page := write(t, Of(sample()))
	text := words(page)
	for _, want := range []string{
		"The boot took 9s: the kernel 4.5s, init to default.target 4.5s. It was started by what earlier boots taught.",
		"Not up, although they should be: mail.service",
		"8.7s shop.service was ready, after a start of 1.6s; it began at 7.1s and had waited, as earlier boots had taught, for store.service",
		"waited for store.service , which was ready at 5.91s, until there was what it had used of it in earlier boots; nothing declares that",
		"failed at 6.7s: its main process exited with status 78",
		"did not run: ConditionPathExists=/etc/dry does not hold",
		"was restarted 2 times; its latest start is shown",
		"After the boot 1 unit was started, or started again, and not shown: later.service.",
		"shop.service needs store.service to start 97.0%, seen in 3 of 3 boots",
		"it is not acted on: it closes a cycle with needs that are more sure",
		"this one, as learned", "not complete",
		"shop.service 1.6s 200ms 160ms to 300ms 4 slower than usual",
		"shop.service and cache.service : runtime, unsure before",
		"4 starts, automatic restarts among them: 1; 2 before its binary or configuration changed",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	if strings.Contains(page, "http:") || strings.Contains(page, "https:") {
		t.Error("it names something on a network")
	}
}

// A boot that goes on, of which nothing was learned, has a page too.
func TestPageOfLittle(t *testing.T) {
	a := sample()
	a.Before, a.Now, a.Profiles = nil, nil, nil
	a.List.Now, a.List.Summary.BootTime = 7000*ms, 0
	for i := range a.List.Units {
		u := &a.List.Units[i]
		if u.Up > 7000*ms || u.Begun > 7000*ms {
			u.Up, u.Begun, u.Active, u.WaitsFor = 0, 0, "inactive", []string{"a <thing> to start"}
		}
		if u.Queued > 7000*ms {
			u.Queued = 0
		}
	}
	text := words(write(t, Of(a)))
	for _, want := range []string{"the boot was not complete when this was taken, 7s after the kernel began", "the learning component did not answer", "No earlier boot is known."} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q in\n%s", want, text)
		}
	}
	for name, r := range map[string]*Report{"nothing": {}, "times that cannot be": {Boot: Boot{End: -1, Kernel: -time.Hour, Complete: 1 << 62}, Units: []Unit{{Queued: 1 << 62, Begun: -1 << 62, Ready: 1}}, Path: []Link{{Ready: -1 << 62}}}} {
		if page := write(t, r); strings.Contains(page, "NaN") || !strings.Contains(page, "</html>") {
			t.Errorf("%s: %s", name, page)
		}
	}
}

// Whatever units are called and say, it is text on the page, and the page does not grow
// without bounds.
func TestHostilePage(t *testing.T) {
	r := Of(hostile(2000, 4000))
	r.Units[7].Name = strings.Repeat(r.Units[7].Name, 50) // a report from elsewhere
	page := write(t, r)
	if len(page) > MaxPage {
		t.Errorf("%d bytes, more than %d", len(page), MaxPage)
	}
	for what, most := range map[string]int{"<script": 1, "<style": 1, "</style": 1, "<html": 1, "\u202e": 0, "\x00": 0, "<W>": 0, "&{{": 0} {
		if n := strings.Count(page, what); n > most {
			t.Errorf("%q stands there %d times", what, n)
		}
	}
	for _, want := range []string{"more edges are not shown", "alert(1)", "&lt;U&#43;202e&gt;", "more units are not shown", "more plots are not shown"} {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
			t.Errorf("it lacks %q", want)
		}
	}
	t.Logf("%d bytes", len(page))
}

// What is large and harmless is all there, but for what no drawing could show.
func TestLargePage(t *testing.T) {
	a := hostile(2000, 4000)
	for i := range a.List.Units {
		a.List.Units[i].Description, a.List.Units[i].Cause = "A service", ""
	}
	for i := range a.Now.Edges {
		a.Now.Edges[i].Why, a.Now.Edges[i].Left = []string{"it used /run/x, which the other one had made; seen in 1 of 1 boots"}, ""
	}
	digits := regexp.MustCompile(`^\d+`)
	name := func(s *string) { *s = "unit-" + digits.FindString(*s) + ".service" }
	r := Of(a)
	for i := range r.Units {
		name(&r.Units[i].Name)
		for j := range r.Units[i].Waited {
			name(&r.Units[i].Waited[j].On)
		}
	}
	for i := range r.Graph.Edges {
		name(&r.Graph.Edges[i].Unit)
		name(&r.Graph.Edges[i].On)
	}
	page := write(t, r)
	for part, want := range map[string]int{`<li id="u`: 2001, `<li id="e`: 4000, `class="edge `: mostDrawn} {
		if n := strings.Count(page, part); n != want {
			t.Errorf("%s stands there %d times, want %d", part, n, want)
		}
	}
	if !strings.Contains(page, "Of these edges 300 are drawn") {
		t.Error("it does not say that edges are not drawn")
	}
	t.Logf("%d bytes", len(page))
}
