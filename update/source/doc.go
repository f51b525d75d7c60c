// Package source is where the files of an update repository come from: a folder, a bundle
// (one file that carries a part of a repository) or a server. A repository is a static
// folder with names such as metadata/timestamp.json and data/<sha256>.pack.
//
// Nothing of a file is believed or parsed here. Whoever asks checks signatures and hashes;
// this package sees to it that what comes is bounded in size and in time, and that of a
// large file only those parts are transferred that were asked for.
//
//	source.go    what a source gives; Open
//	errors.go    what callers decide on
//	name.go      which names a repository's files may have
//	ranges.go    parts of a file, and which of them one request gets
//	local.go     reading parts of what is at hand
//	folder.go    a repository in a folder
//	bundle.go    a bundle: its form, and what is in it
//	write.go     making one
//	server.go    a repository on a server
//	client.go    the connection: proxy, roots, redirects
//	answer.go    whether an answer is one to what was asked
//	retry.go     what is tried again, and when
//	flow.go      the bytes of an answer: stalls, slowness, the limit of bandwidth
//
// It never happens that a file leads out of its folder, that a server's whole file is
// transferred where parts were asked for, that a redirect leaves HTTPS, that a transfer goes
// on for ever, or that more is kept in memory than what the caller has bounded.
package source
