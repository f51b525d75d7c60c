// Package debian gets Debian packages: it drives apt with a private state
// folder, so that another suite or architecture than this machine's can be
// resolved and verified, and reads .deb archives.
//
// Who may import it: images.
//
// What it never does: touch this machine's apt or dpkg state, need root, run a
// maintainer script, or hand out a file that apt did not verify.
package debian
