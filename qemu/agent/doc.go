// Package agent runs commands inside a guest for whoever holds the other end
// of a byte stream, usually a virtio-serial port.
//
// What lives here: the wire (frame.go, message.go), the host's side (Client)
// and the guest's side (Serve, OpenPort). It imports nothing of ours, because
// clarityd carries the guest's side into every image.
//
// Who may import it: qemu, cmd/clarityd and tests.
//
// What it never does: trust the stream. A virtio-serial port has no notion of
// a connection: after a reboot, a kill or a power cut either side may see the
// middle of a frame, or whole frames that were meant for somebody who is gone.
// So a zero byte ends each frame and never occurs in one, each frame carries a
// checksum and the number of its session, and a session begins with a nonce
// that the host draws. What is damaged or belongs to another session is
// dropped without a word.
//
//	guest → host   here                    I have just started
//	host  → guest  hello   nonce           from now on this is the session
//	guest → host   welcome boot id         agreed; older commands are killed
//	host  → guest  start, stdin…, eof, kill
//	guest → host   stdout…, stderr…, credit…, exit
package agent
