package checks

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
	Console  string      `xml:"system-out,omitempty"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes outcomes as JUnit XML, the form that CI systems read. The
// console's tail is kept with them.
func WriteJUnit(w io.Writer, image string, outcomes []Outcome, console string) error {
	suite := junitSuite{Name: image, Tests: len(outcomes), Console: printableLines(console)}
	var total time.Duration
	for _, o := range outcomes {
		total += o.Took
		c := junitCase{Name: printable(o.Name), Class: printable(image), Time: seconds(o.Took)}
		if o.Failed != "" {
			suite.Failures++
			first, _, _ := strings.Cut(o.Failed, "\n")
			c.Failure = &junitFailure{printable(first), printableLines(o.Failed)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Time = seconds(total)
	text, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
