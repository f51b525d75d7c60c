// Package conf reads the log's configuration: journald.conf(5), as far as it
// has a meaning here, and a section of our own.
//
// What lives here: Conf and Read. Who may import it: cmd/clarityd.
//
// What it never does: fail. A machine whose configuration is wrong needs its
// log most: what is not understood is said, and the default stands.
package conf
