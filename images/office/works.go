package office

import "regexp"

// Work is a line in a unit's log that would not be there if something that the unit needs
// did not work.
type Work struct {
	Unit string
	Line *regexp.Regexp
}

// Works are those of the office: for each line of the truth that shows in a log there is one
// that would not come about without it.
var Works = []Work{
	{"load", regexp.MustCompile(`rows=\d+ visits=\d+`)},
	{"load", regexp.MustCompile(`open from nine to five`)},
	{"counter", regexp.MustCompile(`visits: \d`)},
	{"mqtt-listen", regexp.MustCompile(`mosquitto_sub: \d+\.\d+\.\d+`)},
	{"mqtt-secure", regexp.MustCompile(`mosquitto_sub: \d+\.\d+\.\d+`)},
	{"alarm", regexp.MustCompile(`alarm: .* by a datagram`)},
	{"watch", regexp.MustCompile(`first: `)},
	{"discovery", regexp.MustCompile(`string "office"`)},
	{"discovery", regexp.MustCompile(`string "\d+\.\d+`)},
	{"names", regexp.MustCompile(`office\.local`)},
	{"clock", regexp.MustCompile(`Leap status +: Normal`)},
}
