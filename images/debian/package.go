package debian

import (
	"strings"
)

// Package is one version of a binary package, as an archive's signed index
// describes it.
type Package struct {
	Name     string `toml:"name" json:"name"`
	Version  string `toml:"version" json:"version"`
	Arch     string `toml:"arch" json:"arch"` // amd64, arm64 or all
	SHA256   string `toml:"sha256" json:"sha256"`
	Filename string `toml:"filename" json:"filename"` // below the archive's root
}

// ID is the package as apt's command line names it: name=version.
func (p Package) ID() string { return p.Name + "=" + p.Version }

// Relations are names of packages, without versions.
type Relations struct {
	Depends  []string // with all alternatives
	Provides []string
}

func relationsOf(s stanza) Relations {
	names := func(list string) (out []string) {
		for _, one := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '|' }) {
			name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
			name, _, _ = strings.Cut(name, ":") // an architecture
			name, _, _ = strings.Cut(name, "(")
			out = append(out, name)
		}
		return out
	}
	return Relations{names(s.get("Pre-Depends") + "," + s.get("Depends")), names(s.get("Provides"))}
}

// stanza is one paragraph of a control file, keys as they are written,
// continuation lines kept.
type stanza []field

type field struct{ key, value string }

func (s stanza) get(key string) string {
	for _, f := range s {
		if strings.EqualFold(f.key, key) {
			return f.value
		}
	}
	return ""
}

// parseStanzas splits deb822 text.
func parseStanzas(text string) []stanza {
	var all []stanza
	var cur stanza
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "":
			if len(cur) > 0 {
				all = append(all, cur)
			}
			cur = nil
		case line[0] == ' ' || line[0] == '\t':
			if n := len(cur); n > 0 {
				cur[n-1].value += "\n" + line
			}
		default:
			if key, value, ok := strings.Cut(line, ":"); ok {
				cur = append(cur, field{key, strings.TrimSpace(value)})
			}
		}
	}
	return all
}

func packageOf(s stanza) Package {
	return Package{
		Name: s.get("Package"), Version: s.get("Version"), Arch: s.get("Architecture"),
		SHA256: s.get("SHA256"), Filename: s.get("Filename"),
	}
}

// installed writes the stanza as a dpkg status entry that is installed and
// needs nothing, held, so that apt neither fetches it nor what it depends on.
func (s stanza) installed() string {
	var b strings.Builder
	for _, f := range s {
		switch f.key {
		case "Package", "Version", "Architecture", "Provides", "Multi-Arch":
			b.WriteString(f.key + ": " + f.value + "\n")
		}
	}
	b.WriteString("Status: hold ok installed\nMaintainer: none\nDescription: left out\n\n")
	return b.String()
}

// parseInstalls reads the output of apt-get -s: the packages that it would
// unpack, as name=version.
func parseInstalls(text string) []string {
	var ids []string
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "Inst ")
		if !ok {
			continue
		}
		name, rest, _ := strings.Cut(rest, " ")
		_, rest, _ = strings.Cut(rest, "(")
		version, _, _ := strings.Cut(rest, " ")
		name, _, _ = strings.Cut(name, ":")
		ids = append(ids, name+"="+version)
	}
	return ids
}
