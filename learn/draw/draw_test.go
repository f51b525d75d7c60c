package draw

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		Span(1234567 * time.Microsecond): "1.235s", Span(90 * time.Second): "1m30s", Span(1234 * time.Microsecond): "1.2ms",
		Size(1023): "1023 B", Size(1536): "1.5 KiB", Size(3 << 40): "3.0 TiB",
		Count(1, "boot"): "1 boot", Count(0, "boot"): "0 boots",
		Amount(.02, "s/s"): "2% CPU", Amount(2048, "B/s"): "2.0 KiB/s", Amount(.25, "s"): "250ms", Amount(3, ""): "3", Amount(3, "/s"): "3/s",
		Cut("äbcd", 3): "äb…", Cut("äbc", 3): "äbc", Cut("", 3): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is needed stands left of what needs it; a cycle has an end, and its arrow that
// leads backwards stays within the drawing.
func TestLay(t *testing.T) {
	edges := []Edge{{"web", "db", false}, {"db", "disk", false}, {"web", "log", true}, {"app", "disk", false}, {"disk", "web", false}}
	columns := Columns(edges)
	if want := [][]string{{"log"}, {"db"}, {"web"}, {"disk"}, {"app"}}; !reflect.DeepEqual(columns, want) {
		t.Errorf("%v, want %v", columns, want)
	}
	g := Lay(edges)
	at := map[string]Box{}
	for _, b := range g.Boxes {
		at[b.Unit] = b
		if b.X+BoxWidth > g.Width || b.Y+BoxHeight > g.Height {
			t.Errorf("%+v is outside of %d×%d", b, g.Width, g.Height)
		}
	}
	if at["web"].X <= at["db"].X || len(g.Curves) != len(edges) || len(g.Boxes) != 5 {
		t.Errorf("%+v", g)
	}
	back := g.Curves[1] // db needs disk, which stands right of it
	if !strings.HasPrefix(back, "M376 46C376 86 956 86 ") || g.Height < 86 {
		t.Errorf("%s in %d", back, g.Height)
	}
}

// Arrows do not cross where another order of a column keeps them apart.
func TestUntangle(t *testing.T) {
	at := map[string]int{}
	for _, b := range Lay([]Edge{{"a", "z", false}, {"b", "y", false}, {"c", "z", false}}).Boxes {
		at[b.Unit] = b.Y
	}
	if !(at["y"] < at["z"] && at["b"] < at["a"] && at["a"] < at["c"]) {
		t.Errorf("%v", at)
	}
}

// Drawings are well-formed whatever is in them.
func TestWellFormed(t *testing.T) {
	bad := "<a>&\"'" + strings.Repeat("x", 400)
	for name, svg := range map[string]string{
		"graph":       GraphSVG(bad, bad, []Edge{{bad, "b", false}}, func(int) string { return bad }, func(int) string { return bad }),
		"empty graph": GraphSVG("", "", nil, nil, nil),
		"panel":       "<svg>" + Panel(Histogram{Title: bad, Unit: bad, Median: math.MaxFloat64, Last: -1, Bars: [][3]float64{{0, 0, 0}, {1, -1, 2}}}) + "</svg>",
		"no weight":   "<svg>" + Panel(Histogram{Bars: [][3]float64{{0, 1, 0}}}) + "</svg>",
	} {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v in\n%s", name, err, svg)
			}
			if s, ok := tok.(xml.StartElement); ok {
				if s.Name.Local == "a" {
					t.Errorf("%s: a name became an element", name)
				}
				for _, a := range s.Attr {
					if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
						t.Errorf("%s: %s=%s", name, a.Name.Local, a.Value)
					}
				}
			}
		}
	}
}
