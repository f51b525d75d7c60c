package report

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// views are how people look at a page: on a desk and on a phone, by day and by night.
var views = map[string]view{
	"desk": {width: 1280, height: 900}, "desk-dark": {width: 1280, height: 900, dark: true},
	"phone": {width: 360, height: 740}, "phone-dark": {width: 360, height: 740, dark: true},
}

const openAll = `document.querySelectorAll("details").forEach((d) => { d.open = true })`

// poor gives texts that stand out too little: less than 4.5 to 1 (WCAG 2.2, 1.4.3).
const poor = `(() => {
	const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
	const parse = (s) => s.match(/[\d.]+/g).map(Number);
	const under = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
	const out = new Set();
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.getClientRects().length || e.closest("script, .skip")) continue;
		const s = getComputedStyle(e), a = light(parse(e.closest("svg") ? s.fill : s.color).slice(0, 3)), b = light(under(e));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (ratio < 4.5) out.add(e.tagName + "." + (e.className.baseVal ?? e.className) + " " + ratio.toFixed(2));
	}
	return [...out].join(", ");
})()`

// In every view the page asks for nothing, says nothing on the console, fits, and can be
// read. With CLARITY_SCREENSHOTS=FOLDER what people see is kept, to be looked at.
func TestViews(t *testing.T) {
	c := startChromium(t)
	for _, name := range []string{"sample", "hostile", "little"} {
		r := Of(sample())
		switch name {
		case "hostile":
			r = Of(hostile(60, 120))
		case "little":
			r = &Report{}
		}
		page := write(t, r)
		paper := map[string]any{}
		for as, v := range views {
			t.Run(name+" "+as, func(t *testing.T) {
				b := c.open(t, page, v)
				if folder := os.Getenv("CLARITY_SCREENSHOTS"); folder != "" {
					b.screenshots(folder, name+"-"+as, v)
				}
				b.is("document.querySelectorAll('#rows > li').length", len(r.Units)+1)
				b.is("document.documentElement.scrollWidth <= innerWidth && innerWidth", v.width)
				b.eval(openAll)
				b.is("document.documentElement.scrollWidth <= innerWidth && innerWidth", v.width)
				b.is(poor, "")
				b.is("document.getElementById('theme').textContent", map[bool]string{false: "Dark", true: "Light"}[v.dark])
				paper[as] = b.eval("getComputedStyle(document.body).backgroundColor")
				b.eval("document.getElementById('theme').click()")
				if now := b.eval("getComputedStyle(document.body).backgroundColor"); now == paper[as] {
					t.Errorf("the button leaves the page %v", now)
				}
				b.is(poor, "")
				for _, s := range b.complaints() {
					t.Errorf("%.600s", s)
				}
			})
		}
		if len(paper) == len(views) && paper["desk"] == paper["desk-dark"] {
			t.Errorf("by day and by night the page is %v", paper["desk"])
		}
	}
}

// screenshots writes what people see into a folder: the page, with an edge that has the
// focus, and with all that can be opened.
func (b *tab) screenshots(folder, name string, v view) {
	b.Helper()
	whole := func() {
		height := int(b.eval("document.documentElement.scrollHeight").(float64))
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": min(height, 8000), "deviceScaleFactor": 1, "mobile": v.width < 600})
	}
	if n := b.eval("document.querySelectorAll('.edge').length").(float64); n > 0 && n < 10 {
		b.tabTo(".edge")
		b.screenshot(folder, name+"-edge")
		b.press("Escape")
		b.eval("document.activeElement.blur()")
	}
	whole()
	b.screenshot(folder, name)
	b.eval(openAll)
	whole()
	b.screenshot(folder, name+"-open")
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.width, "height": v.height, "deviceScaleFactor": 1, "mobile": v.width < 600})
	for _, part := range []string{"changes", "profiles"} {
		b.eval(fmt.Sprintf("document.getElementById(%q).scrollIntoView()", part))
		b.screenshot(folder, name+"-"+part)
	}
	b.eval(`document.querySelectorAll("details").forEach((d) => { d.open = false })`)
}

// What TestViews holds pages to is seen in one that is bad.
func TestBadPageIsSeen(t *testing.T) {
	b := startChromium(t).open(t, `<!doctype html><body style="color: #999; background: #fff"><p style="width: 700px">pale</p>
		<img src="http://127.0.0.1:1/x"><script>console.log("x"); nothing()</script>`, views["phone"])
	b.is("document.documentElement.scrollWidth > 360", true)
	b.is(poor, "P. 2.85")
	all := strings.Join(b.complaints(), "\n")
	for _, want := range []string{"it asked for http://127.0.0.1:1/x", "consoleAPICalled", "nothing is not defined"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

// tabTo presses Tab until what has the focus matches a selector.
func (b *tab) tabTo(selector string) {
	b.Helper()
	var way []string
	for range 60 {
		b.press("Tab")
		if b.eval(fmt.Sprintf("document.activeElement.matches(%q)", selector)) == true {
			b.is("getComputedStyle(document.activeElement).outlineStyle !== 'none' || document.activeElement.matches('.edge:focus-visible')", true)
			return
		}
		way = append(way, fmt.Sprint(b.eval("document.activeElement.outerHTML.slice(0, 60)")))
	}
	b.Fatalf("Tab does not lead to %s, but to\n%s", selector, strings.Join(way[len(way)-5:], "\n"))
}

// told holds the panel to show some words; none is that it is not shown.
func (b *tab) told(words ...string) {
	b.Helper()
	text := fmt.Sprint(b.eval("document.getElementById('panel').hidden ? '' : document.getElementById('says').innerText"))
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.Errorf("the panel lacks %q: %q", w, text)
		}
	}
	if len(words) == 0 && text != "" {
		b.Errorf("the panel is there: %q", text)
	}
}

func TestKeyboard(t *testing.T) {
	for as, v := range views {
		if v.dark {
			continue
		}
		t.Run(as, func(t *testing.T) {
			b := startChromium(t).open(t, write(t, Of(sample())), v)
			b.press("Tab")
			b.is("document.activeElement.className", "skip")
			b.tabTo("#filter")
			b.tabTo("#rows summary")
			b.told("kernel", "4.5s after it began")
			b.press("End")
			b.told("default.target", "waited for gate.service, which was ready at 9s", "is on the critical path")
			b.press("Escape")
			b.told()
			b.press("ArrowUp", "ArrowUp")
			b.told("shop.service", "waited for store.service")
			b.press("Enter") // it opens in its place, and need not be told twice
			b.told()
			b.is("document.activeElement.parentElement.open", true)
			b.press("Escape")
			b.is("document.activeElement.parentElement.open", false)
			b.tabTo("#drawing .edge")
			b.told("gate.service fails without shop.service", "gate.service got ECONNREFUSED on tcp 127.0.0.1:8000")
			b.press("ArrowRight")
			b.told("shop.service needs store.service to start", "shop.service got ENOENT on unix /run/store.sock")
			b.press("Escape")
			b.told()
			b.press("Enter")
			b.told("shop.service got ENOENT on unix /run/store.sock")
			b.tabTo("#edges summary")
			b.press("Enter")
			b.is("document.activeElement.parentElement.innerText.includes('its start failed and was tried again')", true)
			b.tabTo(".profile summary")
			b.press("Enter")
			b.is("document.querySelectorAll('.profile[open] figure').length > 6", true)
			for _, s := range b.complaints() {
				t.Errorf("%.600s", s)
			}
		})
	}
}

// The mouse shows what the keyboard does.
func TestMouse(t *testing.T) {
	b := startChromium(t).open(t, write(t, Of(sample())), views["desk"])
	over := func(selector string) {
		at := b.eval(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector)).([]any)
		b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": at[0], "y": at[1]})
	}
	over("#rows > li[data-name='mail.service'] summary")
	b.told("mail.service", "failed at 6.7s: its main process exited with status 78")
	over("#drawing .edge")
	b.told("gate.service fails without shop.service", "seen in 3 of 3 boots")
}

func TestFilterAndSort(t *testing.T) {
	b := startChromium(t).open(t, write(t, Of(sample())), views["desk"])
	names := `[...document.querySelectorAll("#rows > li:not([hidden])")].map((r) => r.dataset.name.split(".")[0]).join(" ")`
	set := func(id, value, event string) {
		b.eval(fmt.Sprintf(`{ const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event(%q)); }`, id, value, event))
	}
	b.is(names, "kernel clarity-devices clarity-setup sysinit store cache mail dry again shop gate default")
	set("sort", "took", "change")
	b.is(names, "kernel shop clarity-devices mail cache clarity-setup gate store again sysinit dry default")
	set("filter", "CLARITY", "input")
	b.is(names, "clarity-devices clarity-setup")
	b.is("document.getElementById('shown').textContent", "2 of 12 rows")
	b.is("document.querySelectorAll('#rows summary[tabindex=\"0\"]').length", 1)
	set("filter", "", "input")
	set("sort", "name", "change")
	b.is(names, "again cache clarity-devices clarity-setup default dry gate kernel mail shop store sysinit")
	b.eval("document.getElementById('only').click()")
	b.is(names, "clarity-devices clarity-setup default gate shop store sysinit")
	// A link to a row that is filtered away shows it.
	set("filter", "store", "input")
	b.eval("document.querySelector('.path a[href]:last-of-type').click()")
	b.eval("new Promise((done) => setTimeout(done))") // hashchange has been told
	b.is("document.activeElement.closest('li').dataset.name", "clarity-devices.service")
	b.press("Escape")
	b.is("document.querySelectorAll('#rows details[open]').length", 0)
	b.eval("document.querySelector('.path a[href]:last-of-type').click()") // again
	b.is("document.querySelectorAll('#rows details[open]').length", 1)
}

// Without JavaScript all is there but what helps to find one's way.
func TestNoJavaScript(t *testing.T) {
	b := startChromium(t).open(t, write(t, Of(sample())), view{width: 360, height: 740, noJS: true})
	b.is("[...document.querySelectorAll('#rows > li')].filter((r) => r.getBoundingClientRect().height > 20).length", 12)
	b.is("[...document.querySelectorAll('#rows rect.start')].filter((r) => r.getBoundingClientRect().width > 0).length > 6", true)
	b.is("[...document.querySelectorAll('.controls, #theme, #panel')].filter((e) => e.getClientRects().length).length", 0)
	b.is("document.querySelectorAll('#drawing a.edge[href]').length", 5)
	b.tabTo("#rows summary")
	b.press("Enter")
	b.is("document.activeElement.parentElement.open", true)
	b.tabTo("#drawing .edge")
	b.press("Enter") // to what speaks for it
	b.is("location.hash", "#e0")
}

// On paper everything is open, nothing can be pressed, and the night is white.
func TestPrint(t *testing.T) {
	b := startChromium(t).open(t, write(t, Of(sample())), views["desk-dark"])
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}})
	b.is("getComputedStyle(document.body).backgroundColor", "rgb(255, 255, 255)")
	b.is("[...document.querySelectorAll('.controls, #theme, nav')].filter((e) => e.getClientRects().length).length", 0)
	b.eval("dispatchEvent(new Event('beforeprint'))")
	b.is("document.querySelectorAll('details:not([open])').length", 0)
	b.is(poor, "")
	b.eval("dispatchEvent(new Event('afterprint'))")
	b.is("document.querySelectorAll('details[open]').length", 0)
}
