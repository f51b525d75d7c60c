// Package bus is the message bus: what the parts of the system tell each other.
// Its topics stand in messages.toml, of which the types here and REFERENCE.md
// are generated.
//
// Publishing never waits for a subscriber. Each subscriber has a bounded Queue,
// served by priority; what has no room is dropped, the least urgent first,
// counted and told. Critical messages are never dropped: they are states of
// something, named by a key, and the newest state of each key is kept on /run
// before the publisher has its answer, until a newer one takes its place. A
// subscriber that was away says the number of the last critical message that it
// has, and is given those that came since.
//
// Broker is all decisions, without system calls but for the store's; Server is
// the socket. Programs use services/bus/client, PID 1 none of it: the component
// reads PID 1's events and publishes them for it (services/bus/pid1).
package bus

//go:generate go run ./generate
