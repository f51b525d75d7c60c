package images

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"clarityos/images/modules"
	"clarityos/services/near"
)

// Why is what pulled a file into an image.
type Why struct {
	Path string `json:"path"` // absolute, without links among its folders
	Part string `json:"part"` // who brought it
	// Chain is what asked for it: words about the definition or a default, then packages,
	// modules or files of which each wants the next.
	Chain []string `json:"chain"`
	Link  string   `json:"link,omitempty"`     // its target, of a symbolic link
	Leads string   `json:"leads_to,omitempty"` // the file at the end of all links; "" if there is none in the image
}

// Why says what pulled the file at p into the image.
func (i *Image) Why(p string) (*Why, error) {
	t := &Tree{entries: map[string]*Entry{}} // without bytes
	err := i.Walk(func(f File, _ io.Reader) error {
		t.entries[f.Path[1:]] = &Entry{Mode: f.Mode, Link: f.Link}
		return nil
	})
	if err != nil {
		return nil, err
	}
	at, err := t.locate(p)
	if err != nil {
		return nil, err
	}
	e := t.entries[at]
	if at == "." || e != nil && e.Mode.IsDir() {
		return nil, fmt.Errorf("why %s: it is a folder, which several may have brought; name a file in it", p)
	}
	if e == nil {
		return nil, fmt.Errorf("why %s: the image has no /%s%s", p, at, t.nearest(at))
	}
	w := &Why{Path: "/" + at, Part: i.partOf("/" + at), Link: e.Link}
	if w.Part == "" {
		return nil, fmt.Errorf("why %s: %s of the image does not say who brought it; build the image again", p, FactsFile)
	}
	if to, ok := t.Resolve(at); ok && e.Mode&fs.ModeSymlink != 0 {
		w.Leads = "/" + to
	}
	w.Chain = i.chain(w.Path)
	return w, nil
}

// partOf is who brought a file; "" if the image does not say.
func (i *Image) partOf(p string) string {
	if i.Baked != nil && slices.Contains(i.Baked.Paths, p) {
		return "baked: " + i.Baked.What
	}
	for _, part := range i.Parts {
		for _, q := range part.Paths {
			if p == q || strings.HasSuffix(q, "/") && strings.HasPrefix(p, q) {
				return part.Name
			}
		}
	}
	return ""
}

// reasoned are words that say by themselves why something is there, and packages.
var reasoned = regexp.MustCompile(`^(definition|default,|baked:|package) `)

// chain is what asked for the file p, the first reason first.
func (i *Image) chain(p string) (chain []string) {
	for key := p; len(chain) <= len(i.Because)+1; key = chain[0] {
		why := i.Because[key]
		if why == "" && path.IsAbs(key) {
			why = i.partOf(key)
			if name, ok := strings.CutSuffix(path.Base(key), ".ko"); ok && why == "modules" {
				why = "module " + modules.Canonical(name)
			}
		}
		if why == "" {
			break
		}
		chain = slices.Insert(chain, 0, why)
	}
	if !reasoned.MatchString(chain[0]) {
		chain = slices.Insert(chain, 0, "default")
	}
	return chain
}

// nearest offers files whose names are close to one that is not there.
func (t *Tree) nearest(p string) string {
	places := map[string][]string{}
	for _, q := range t.Paths() {
		if !t.entries[q].Mode.IsDir() {
			places[path.Base(q)] = append(places[path.Base(q)], "/"+q)
		}
	}
	var found []string
	for _, name := range near.Names(slices.Collect(maps.Keys(places)), path.Base(p)) {
		found = append(found, places[name]...)
	}
	if len(found) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(found[:min(len(found), 5)], ", ") + "?"
}

// Write prints it for a person.
func (w *Why) Write(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "file\t%s\n", w.Path)
	switch {
	case w.Leads != "":
		fmt.Fprintf(t, "leads to\t%s\n", w.Leads)
	case w.Link != "":
		fmt.Fprintf(t, "leads to\t%s, which is not in the image\n", w.Link)
	}
	fmt.Fprintf(t, "brought by\t%s\n", w.Part)
	fmt.Fprintf(t, "because of\t%s\n", strings.Join(w.Chain, " → "))
	return t.Flush()
}
