// Package control is how programs talk to PID 1: the varlink wire format (JSON
// objects that end in a NUL byte, over a Unix socket), the methods and their
// types. The client is services/control/client.
//
// The server is init/control. Root may call everything; others may ask for
// states, but change nothing.
package control
