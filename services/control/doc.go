// Package control is how programs talk to PID 1: the methods of its varlink
// interface and their types. The client is services/control/client.
//
// The server is init/control. Root may call everything; others may ask for
// states, but change nothing.
package control
