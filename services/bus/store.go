package bus

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/google/renameio/v2"
)

// A record is CRC32C and length of what follows, four bytes each, little-endian,
// and a Message as JSON.
const header = 8

// maxRecord bounds a record: a message, whose strings JSON may write six times
// as long.
const maxRecord = MaxBody + 8<<10

// slack is how long a store may be whatever it holds, in bytes.
const slack = 256 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Store keeps states in a file that is appended to. It is for a file system that
// lives as long as the machine runs: what a write(2) has taken survives the
// process, and nothing is synced.
type Store struct {
	path string
	file *os.File
	size int64 // of the records that are whole
	next int64 // the size from which on it is written anew
}

// OpenStore opens the store at path, or begins it, and gives its states, the
// newest of each key in the order of their numbers. A record that is not whole
// is where the bus was killed: it was not answered for, and goes. Bad is how many
// bytes went.
func OpenStore(path string) (s *Store, states []Message, bad int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("store of the bus: %w", err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		f.Close()
		return nil, nil, 0, fmt.Errorf("store of the bus: %w", err)
	}
	all, whole := scan(raw)
	newest := NewBroker(all, nil)
	s = &Store{path: path, file: f, size: whole}
	s.next = 2*whole + slack
	bad = int64(len(raw)) - whole
	if bad > 0 {
		if err := f.Truncate(whole); err != nil {
			f.Close()
			return nil, nil, 0, fmt.Errorf("store of the bus: %w", err)
		}
	}
	return s, newest.States(), bad, nil
}

// scan gives the records that are whole, and where they end.
func scan(raw []byte) (all []Message, whole int64) {
	for rest := raw; len(rest) >= header; {
		n := binary.LittleEndian.Uint32(rest[4:])
		if n > maxRecord || uint64(len(rest)) < header+uint64(n) {
			break
		}
		body := rest[header : header+n]
		var m Message
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(rest) || json.Unmarshal(body, &m) != nil {
			break
		}
		all = append(all, m)
		rest = rest[header+n:]
		whole = int64(len(raw) - len(rest))
	}
	return all, whole
}

func record(m Message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(body) > maxRecord {
		return nil, fmt.Errorf("a record of %d bytes; there is room for %d", len(body), maxRecord)
	}
	out := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(body, castagnoli))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	return append(out, body...), nil
}

// Append adds a state. Of a store that has grown too long it first keeps only
// what current gives.
func (s *Store) Append(m Message, current func() []Message) error {
	if s.size > s.next {
		if err := s.rewrite(current()); err != nil {
			return err
		}
	}
	r, err := record(m)
	if err != nil {
		return err
	}
	n, err := s.file.WriteAt(r, s.size)
	if err != nil {
		if n > 0 { // the next record goes to the same place
			_ = s.file.Truncate(s.size)
		}
		return err
	}
	s.size += int64(n)
	return nil
}

func (s *Store) rewrite(states []Message) error {
	t, err := renameio.NewPendingFile(s.path, renameio.WithPermissions(0o600), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer func() { _ = t.Cleanup() }()
	size := int64(0)
	for _, m := range states {
		r, err := record(m)
		if err != nil {
			return err
		}
		n, err := t.Write(r)
		if err != nil {
			return err
		}
		size += int64(n)
	}
	if err := t.CloseAtomicallyReplace(); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.file.Close()
	s.file, s.size, s.next = f, size, 2*size+slack
	return nil
}

// Close closes the file.
func (s *Store) Close() error { return s.file.Close() }
