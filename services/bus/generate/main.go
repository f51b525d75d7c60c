// Command generate makes Go types and a reference of the bus's table of
// messages. It runs in services/bus, by go generate.
package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/google/renameio/v2"
	"github.com/pelletier/go-toml/v2"
)

type table struct {
	Message []message `toml:"message"`
}

type message struct {
	Topic    string  `toml:"topic"`
	Type     string  `toml:"type"`
	Version  int     `toml:"version"`
	Priority string  `toml:"priority"`
	Key      string  `toml:"key"`
	Keep     bool    `toml:"keep"`
	Read     string  `toml:"read"`
	Doc      string  `toml:"doc"`
	Fields   []field `toml:"fields"`
}

type field struct {
	Name     string `toml:"name"`
	Type     string `toml:"type"`
	Optional bool   `toml:"optional"`
	Doc      string `toml:"doc"`
}

// types are those of fields: what they are in Go, to the check of a message, and
// for people.
var types = map[string][3]string{
	"string": {"string", "aString", "string"}, "strings": {"[]string", "someStrings", "array of strings"},
	"int": {"int", "anInt", "integer"}, "float": {"float64", "aNumber", "number"},
	"size": {"uint64", "aSize", "integer, bytes"}, "span": {"time.Duration", "anInt", "integer, nanoseconds"},
}

//go:embed *.tmpl
var templates embed.FS

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate the bus's messages:", err)
		os.Exit(1)
	}
}

func run() error {
	raw, err := os.ReadFile("messages.toml")
	if err != nil {
		return err
	}
	var t table
	d := toml.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return fmt.Errorf("messages.toml: %w", err)
	}
	for _, m := range t.Message {
		if err := m.check(); err != nil {
			return fmt.Errorf("messages.toml: %s: %w", m.Topic, err)
		}
	}
	tmpl, err := template.New("").Funcs(template.FuncMap{
		"go": func(f field) string { return types[f.Type][0] }, "check": func(f field) string { return types[f.Type][1] },
		"people": func(f field) string { return types[f.Type][2] },
		"name":   exported, "lower": func(s string) string { return strings.ToLower(s[:1]) + s[1:] },
	}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return err
	}
	var code, reference bytes.Buffer
	if err := tmpl.ExecuteTemplate(&code, "go.tmpl", t); err != nil {
		return err
	}
	formatted, err := format.Source(code.Bytes())
	if err != nil {
		return fmt.Errorf("the generated code: %w", err)
	}
	if err := tmpl.ExecuteTemplate(&reference, "reference.tmpl", t); err != nil {
		return err
	}
	if err := renameio.WriteFile("messages_gen.go", formatted, 0o644); err != nil {
		return err
	}
	return renameio.WriteFile("REFERENCE.md", reference.Bytes(), 0o644)
}

var topic = regexp.MustCompile(`^[a-z]+(\.[a-z]+)+$`)

func (m message) check() error {
	keyed := slices.ContainsFunc(m.Fields, func(f field) bool { return f.Name == m.Key && f.Type == "string" && !f.Optional })
	switch {
	case !topic.MatchString(m.Topic):
		return fmt.Errorf("a topic is words of small letters with dots between them")
	case m.Version < 1 || m.Type == "" || m.Doc == "":
		return fmt.Errorf("it needs type, version and doc")
	case !slices.Contains([]string{"critical", "high", "normal", "low"}, m.Priority):
		return fmt.Errorf("no priority %q", m.Priority)
	case m.Read != "" && m.Read != "all":
		return fmt.Errorf("read is all or nothing, not %q", m.Read)
	case m.Key != "" && !keyed:
		return fmt.Errorf("the key %q is no field that is a string and always there", m.Key)
	case m.Key == "" && (m.Priority == "critical" || m.Keep):
		return fmt.Errorf("what is kept needs a key")
	}
	for _, f := range m.Fields {
		if _, ok := types[f.Type]; !ok || f.Doc == "" {
			return fmt.Errorf("field %s: it needs doc, and a type that is known, not %q", f.Name, f.Type)
		}
	}
	return nil
}

// exported is a field's name in Go.
func exported(name string) string {
	if name == "cpu" {
		return "CPU"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
