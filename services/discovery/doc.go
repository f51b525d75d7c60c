// Package discovery is who can be found where: the endpoints that the learning
// component publishes, joined with what PID 1 says of their units.
//
// Table is a fold over messages of the bus, Guess, Match and Files are functions of
// values. Load and Follow are the way from the bus, Keep the way to a folder for units
// that ask for a name instead of a port, by EnvironmentFile=. PID 1 links none of it.
package discovery
