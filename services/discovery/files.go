package discovery

import (
	"fmt"
	"net/netip"
	"strings"

	"clarityos/services/unit"
)

// Bounds on what Files gives: how many services have a file, and bytes of one. With the
// bounds of the learning component, 256 endpoints of a unit and 2,048 of all, only what
// is hostile gets near.
const (
	maxFiles = 512
	maxFile  = 16 << 10
	maxList  = 512 << 10
	maxValue = 255 // bytes
)

// List is the file of all entries, in the way of hosts(5): NAME ENDPOINT PROTOCOL UNIT,
// the protocol - when it is not known.
const List = "endpoints"

// Files gives what the folder holds, by file name: List, and NAME.env with the Variables
// of each name. An entry whose words have other characters than those of paths and
// addresses is left out, so that nobody writes lines or variables of his own.
func Files(entries []Entry) map[string]string {
	files := map[string]string{}
	var list strings.Builder
	for i := 0; i < len(entries); {
		first := i
		for i < len(entries) && entries[i].Name == entries[first].Name {
			list.WriteString(line(entries[i], maxList-list.Len()))
			i++
		}
		if text := Variables(entries[first:i]); text != "" && len(files) < maxFiles {
			files[entries[first].Name+".env"] = text
		}
	}
	files[List] = list.String()
	return files
}

// line is an entry's of List, "" for one that has none or no room.
func line(e Entry, room int) string {
	at := Reach(e.Endpoint)
	if !Tellable(e) {
		return ""
	}
	protocol := e.Protocol
	if !plain(protocol) {
		protocol = "-"
	}
	text := fmt.Sprintln(e.Name, at, protocol, e.Unit)
	if len(text) > room {
		return ""
	}
	return text
}

// Tellable says whether an entry is one that Files has.
func Tellable(e Entry) bool { return unit.CheckName(e.Unit) == nil && plain(e.Endpoint) }

// Variables gives the lines of environment for entries of one name, in the order in
// which one would use them: NAME_TCP=127.0.0.1:80, NAME_TCP_HOST=, NAME_TCP_PORT=,
// NAME_UNIX=/run/x, and so on for udp, vsock (_CID and _PORT) and bus, and the same as
// of TCP and UDP by protocol: NAME_HTTP=, NAME_HTTP_HOST=, NAME_HTTP_PORT=. Of several
// endpoints the first one counts.
func Variables(entries []Entry) string {
	var b strings.Builder
	told := map[string]bool{}
	add := func(base, address string, parts ...string) {
		text := base + "=" + address + "\n"
		for i := 0; i+1 < len(parts); i += 2 {
			text += base + "_" + parts[i] + "=" + parts[i+1] + "\n"
		}
		if !told[base] && b.Len()+len(text) <= maxFile {
			told[base] = true
			b.WriteString(text)
		}
	}
	for _, e := range entries {
		if !Tellable(e) {
			continue
		}
		transport, address := Split(Reach(e.Endpoint))
		prefix := variable(e.Name) + "_"
		switch transport {
		case "tcp", "udp":
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				continue
			}
			parts := []string{"HOST", at.Addr().String(), "PORT", fmt.Sprint(at.Port())}
			add(prefix+variable(transport), address, parts...)
			if plain(e.Protocol) {
				add(prefix+variable(e.Protocol), address, parts...)
			}
		case "vsock":
			if cid, port, ok := strings.Cut(address, ":"); ok {
				add(prefix+"VSOCK", address, "CID", cid, "PORT", port)
			}
		case "unix", "bus":
			add(prefix+variable(transport), address)
		}
	}
	return b.String()
}

// variable makes a name one of a variable: REDIS_SERVER of redis-server, _9P of 9p.
func variable(name string) string {
	out := []byte(strings.ToUpper(name))
	for i, c := range out {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			out[i] = '_'
		}
	}
	if len(out) == 0 || out[0] >= '0' && out[0] <= '9' {
		return "_" + string(out)
	}
	return string(out)
}

// plain says whether a word can stand in a file as it is: without blanks, quotes,
// backslashes, comments, and all else that a reader might take for something.
func plain(word string) bool {
	for _, c := range []byte(word) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_@%+=:,./-[]~", rune(c)) {
			return false
		}
	}
	return word != "" && len(word) <= maxValue
}
