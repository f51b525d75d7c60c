// Package report is a boot as one page: when each unit waited, started and was ready, on
// what the boot's length hung, what was learned of who needs whom and how units usually
// behave, and what differs from earlier boots.
//
// Of makes a Report, which is a value that can be kept as JSON, of the answers of PID 1 and
// of the learning component. HTML writes it as a page that needs nothing else: no network,
// and no JavaScript for what is on it, only for finding one's way.
//
// Names, descriptions and causes come from units and are anybody's words: they are text on
// the page, cut to maxText, with control characters shown, and how much of each list is
// shown is bounded and said.
//
// cmd/clarityctl makes reports, cmd/clarity writes pages of them. No system calls, no clock.
package report
