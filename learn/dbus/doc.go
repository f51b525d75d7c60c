// Package dbus sees who has which names on the system's D-Bus, and who calls them.
//
// It has two connections. One is told of names that come and go and asks the bus
// for the process behind each connection, at once: a client may live for
// milliseconds. The other one is a monitor of calls, of which it takes who sends
// and to whom; it leaves for a while when it has seen too many. What is known is
// table, a fold over values.
//
// Nothing but the heads of what clients send is decoded, no file descriptors are
// taken, and no message is kept: a client can send 32 MiB, to the monitor by way of
// anybody. That is why messages are read here, and not by a library that decodes
// all of them.
package dbus
