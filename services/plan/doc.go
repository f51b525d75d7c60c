// Package plan holds the compiled form of everything PID 1 needs to know about
// a root: its units, and what has to be set up before they start.
//
// A plan is a value. services/compile makes it from unit files, at image build
// or in a child process on the target; PID 1 only ever decodes it. It is stored
// as one file with a checksum (see Encode) and is bound to the image that it
// was made for.
//
// This package imports nothing of ours and never touches the file system.
package plan
