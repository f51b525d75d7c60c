package forward

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"clarityos/services/log"
)

const (
	// maxDatagram is the longest message over UDP, in bytes: what common
	// servers take by default. RFC 5426, 3.2, only promises 2048.
	maxDatagram = 8 << 10
	// facilityKernel and facilityDaemon are of RFC 5424, 6.2.1.
	facilityKernel = 0
	facilityDaemon = 3
	// element names our structured data. 32473 is the enterprise number
	// that RFC 5612 keeps for those who have none.
	element = "clarity@32473"
	// maxWord is the longest name of a parameter (RFC 5424, 6).
	maxWord = 32
)

// appendMessage writes a record in the form of RFC 5424.
func appendMessage(b []byte, r log.Record, host log.Host) []byte {
	facility := facilityDaemon
	if r.Transport() == "kernel" {
		facility = facilityKernel
	}
	for _, f := range r.Fields {
		if n, err := strconv.Atoi(f.Value); f.Name == "SYSLOG_FACILITY" && err == nil && n >= 0 && n <= 23 {
			facility = n
		}
	}
	app := r.Identifier
	if app == "" {
		app = strings.TrimSuffix(r.Unit, ".service")
	}
	pid := ""
	if r.PID > 0 {
		pid = strconv.Itoa(r.PID)
	}
	b = fmt.Appendf(b, "<%d>1 %s %s %s %s - [%s", facility*8+r.Priority, r.Time().UTC().Format("2006-01-02T15:04:05.000000Z07:00"),
		header(host.Name, 255), header(app, 48), header(pid, 128), element)
	b = parameter(b, "boot", r.Boot)
	b = parameter(b, "seq", strconv.FormatUint(r.Seq, 10))
	b = parameter(b, "unit", r.Unit)
	b = parameter(b, "invocation", r.Invocation)
	for _, f := range r.Fields {
		if f.Name != "SYSLOG_FACILITY" {
			b = parameter(b, f.Name, f.Value)
		}
	}
	b = append(b, "] "...)
	return append(b, strings.ToValidUTF8(r.Message, "\ufffd")...)
}

// header is a field of the header: printable ASCII without spaces, "-" if there
// is nothing.
func header(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return '_'
		}
		return c
	}, strings.ToValidUTF8(text, "_"))
	if text == "" {
		return "-"
	}
	return text[:min(len(text), most)]
}

// parameter adds NAME="value" to structured data (RFC 5424, 6.3.3), unless the
// value is empty.
func parameter(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	name = strings.Map(func(c rune) rune {
		if strings.ContainsRune(`="]`, c) {
			return '_'
		}
		return c
	}, header(name, maxWord))
	b = append(append(append(b, ' '), name...), `="`...)
	for _, c := range strings.ToValidUTF8(value, "\ufffd") {
		if strings.ContainsRune(`"\]`, c) {
			b = append(b, '\\')
		}
		b = append(b, string(c)...)
	}
	return append(b, '"')
}

// frame puts the length in front, as RFC 6587, 3.4.1 wants it on a stream; of a
// datagram it cuts what is too long, between characters.
func frame(network string, message []byte) []byte {
	if network == "tcp" {
		return append(strconv.AppendInt(nil, int64(len(message)), 10), append([]byte{' '}, message...)...)
	}
	if len(message) > maxDatagram {
		message = []byte(strings.ToValidUTF8(string(message[:maxDatagram]), ""))
	}
	return message
}

// backoff is the pause before the try after so many failures: it doubles from a
// second to a minute, and chance, from 0 to 1, takes away up to half of it, so
// that many machines do not come back at once.
func backoff(failures int, chance float64) time.Duration {
	pause := min(time.Second<<min(failures, 6), time.Minute)
	return pause - time.Duration(chance*float64(pause)/2)
}
