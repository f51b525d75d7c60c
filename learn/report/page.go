package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"time"

	"clarityos/learn/draw"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// MaxPage bounds a page, in bytes: what is shown of each list is cut to what has room.
const MaxPage = 12 << 20

// Rooms of the parts of a page, in bytes as they are written, and how many of each are
// drawn, beyond which a drawing says nothing any more.
const (
	roomTime     = 4 << 20
	roomGraph    = 4 << 20
	roomProfiles = 3 << 20
	roomRest     = 1 << 20

	mostDrawn  = 300 // edges
	mostFailed = 30  // units that should be up
	mostList   = 200 // entries of lists without a room of their own
	mostLines  = 12  // of what speaks for an edge
	mostWaits  = 5   // of a unit, the last to come
)

// policy is what the page may load and run: its own style and script, by their hashes.
func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS) + "; img-src data:; base-uri 'none'; form-action 'none'"
}

// page is what page.html is filled with. All texts are plain.
type page struct {
	Title, Policy string
	Style, Script template.HTML // of ours
	Lead          string
	Facts         []named
	Failed, Notes []string
	Ticks         []tick
	Complete      string // where the boot was complete, in percent; "" is nowhere
	Path          []step
	Rows          []row
	TimeLeft      string
	Graph         *drawing
	Boots         []went
	BootsSay      string
	Changes       []change
	ChangesLeft   string
	Diff          []difference
	DiffLeft      string
	Profiles      []profile
	ProfilesLeft  string
	Foot          string
	BoxWidth      int
	BoxHeight     int
	PanelWidth    int
	PanelHeight   int
}

type named struct{ Name, Value string }

// HTML writes the report as a page of its own.
func (r *Report) HTML() ([]byte, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("the page of the report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r.page()); err != nil {
		return nil, fmt.Errorf("the page of the report: %w", err)
	}
	return b.Bytes(), nil
}

func (r *Report) page() page {
	host := r.Machine.Host
	if host == "" {
		host = "a machine"
	}
	p := page{
		Title: "Boot of " + brief(host), Policy: policy(), BoxWidth: draw.BoxWidth, BoxHeight: draw.BoxHeight, PanelWidth: draw.PanelWidth, PanelHeight: draw.PanelHeight + draw.PanelFoot - 12,
		Style: template.HTML("<style>" + pageCSS + "</style>"), Script: template.HTML("<script>" + pageJS + "</script>"),
		Failed: plainAll(r.Boot.Failed, mostFailed), Notes: plainAll(append(append([]string{}, r.Notes...), r.Boot.Notes...), mostList),
	}
	b := r.Boot
	switch {
	case b.Complete == 0:
		p.Lead = fmt.Sprintf("The kernel took %s; the boot was not complete when this was taken, %s after the kernel began.", draw.Span(b.Kernel), draw.Span(b.End))
	default:
		p.Lead = fmt.Sprintf("The boot took %s: the kernel %s, init to %s %s.", draw.Span(b.Complete), draw.Span(b.Kernel), brief(b.Target), draw.Span(max(b.Complete-b.Kernel, 0)))
		p.Complete = r.percent(b.Complete)
	}
	switch {
	case b.Ordered:
		p.Lead += " It was started by what earlier boots taught."
	case r.Graph != nil:
		p.Lead += " It was started as declared."
	}
	if b.Off > 0 {
		p.Lead += fmt.Sprintf(" The next %s will be started as declared: %s.", draw.Count(b.Off, "boot"), plain(b.OffWhy))
	}
	if b.Complete > 0 && !b.Settled {
		p.Lead += " What services try late may be missing: this was taken before the boot had settled."
	}
	add := func(name, value string) {
		if value != "" {
			p.Facts = append(p.Facts, named{name, brief(value)})
		}
	}
	add("State", b.State)
	add("Units up", fmt.Sprint(b.Up))
	add("System", r.Machine.System)
	add("Kernel", r.Machine.Kernel)
	if r.Machine.CPUs > 0 {
		add("Machine", strings.TrimSpace(fmt.Sprintf("%s, %s, %s", draw.Count(r.Machine.CPUs, "CPU"), draw.Size(r.Machine.Memory), r.Machine.Arch)))
	}
	add("Boot", b.ID)
	if !r.Taken.IsZero() {
		add("Taken", r.Taken.UTC().Format("2006-01-02 15:04:05")+" UTC")
	}
	p.Ticks = r.ticks()
	p.timeLine(r)
	p.graph(r)
	p.changes(r)
	p.profiles(r)
	p.Foot = "Times count from the start of the kernel unless they are spans. Made by ClarityOS; this page loads nothing and sends nothing."
	return p
}

// percent is where a moment is on the time line.
func (r *Report) percent(t time.Duration) string {
	return fmt.Sprintf("%.2f", r.share(t))
}

func (r *Report) share(t time.Duration) float64 {
	if r.Boot.End <= 0 {
		return 0
	}
	return 100 * float64(min(max(t, 0), r.Boot.End)) / float64(r.Boot.End)
}

type tick struct {
	At, Label string
	Last      bool // its label stands left of it
}

// ticks gives steps of time, at most ten.
func (r *Report) ticks() (out []tick) {
	step := time.Millisecond
	for _, next := range []time.Duration{2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000} {
		if r.Boot.End/step <= 9 {
			break
		}
		step = next * time.Millisecond
	}
	for step < r.Boot.End/9 { // a clock that ran for days
		step *= 2
	}
	for t := time.Duration(0); t <= r.Boot.End && len(out) < 12; t += step {
		out = append(out, tick{r.percent(t), t.String(), r.share(t) > 95})
	}
	return out
}
