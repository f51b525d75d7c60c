// Package forward sends the log to a syslog server: RFC 5424 over UDP, or over
// TCP with octet counting (RFC 6587).
//
// It reads the store like any other reader and keeps how far it is in a file, so
// that the store itself is the queue: while the network is down nothing waits in
// memory, and nothing is lost for as long as the store keeps it. What the store
// has dropped by then is counted, and said to the server and on stderr. A record
// counts as sent over TCP once the server's kernel has acknowledged it; after a
// break some may be sent twice.
//
// Who may import it: cmd/clarityd. It imports services/log.
//
// What it never does: write to the store, or hold up who does.
package forward
