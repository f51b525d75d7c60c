// Package journal keeps what became of updates on the disk, record by record. A record is on
// the disk once Append returns, and a cut of power leaves all of those before it: what a torn
// one has left behind is cut off by the next Open.
//
//	journal.go  records and the file
//	history.go  updates, as the records tell of them
package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"time"

	"clarityos/update/durable"

	"github.com/google/renameio/v2"
)

// Step is what a record tells.
type Step string

// The steps of an update, in their order. Downloaded, Failed, Canceled, Good
// and Left end it.
const (
	Ordered   Step = "ordered"   // somebody wants it
	Accepted  Step = "accepted"  // it is signed, and this machine can take it
	Writing   Step = "writing"   // the slot does not have its old system any more
	Written   Step = "written"   // root and hash tree are on the disk, and were read back
	Installed Step = "installed" // so are the files for the loader
	Trying    Step = "trying"    // the next boots are of the slot
	Good      Step = "good"      // one of them was good
	Left      Step = "left"      // none was, and the old slot runs again
	Failed    Step = "failed"    // it did not come as far as Trying
	Canceled  Step = "canceled"  // a person has taken it back

	Downloaded Step = "downloaded" // as Installed, and nobody wants it tried
)

// Ends says whether an update is over.
func (s Step) Ends() bool {
	return s == Downloaded || s == Failed || s == Canceled || s == Good || s == Left
}

// Record is one line of the journal. Fields that are not known yet are empty.
type Record struct {
	Seq     uint32    `json:"seq"` // from 1 on, without gaps
	Time    time.Time `json:"time"`
	Update  string    `json:"update"` // its id
	Step    Step      `json:"step"`
	Who     string    `json:"who,omitempty"`
	From    string    `json:"from,omitempty"` // the source
	Version string    `json:"version,omitempty"`
	Before  string    `json:"before,omitempty"` // the version that ran
	Slot    string    `json:"slot,omitempty"`   // into which it is written
	Hash    string    `json:"manifest,omitempty"`
	Fetched int64     `json:"fetched,omitempty"` // bytes
	Whole   int64     `json:"whole,omitempty"`   // bytes, if nothing had been there
	Why     string    `json:"why,omitempty"`
}

// A frame is, in little-endian: length of the JSON (4), sequence number (4), CRC32C of length,
// number and JSON (4), the JSON.
const (
	frameSize  = 12
	recordMost = 16 << 10
	// sizeMost is how large the file may become before its older half is left out.
	sizeMost = 512 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame gives a record's bytes.
func frame(r Record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if len(text) > recordMost {
		return nil, fmt.Errorf("a record of %d bytes; at most %d can be", len(text), recordMost)
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	b = binary.LittleEndian.AppendUint32(b, r.Seq)
	sum := crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, text)
	return append(binary.LittleEndian.AppendUint32(b, sum), text...), nil
}

// Decode gives the records that a journal's bytes begin with, and how many bytes they take.
// What follows is none: it is torn or garbled.
func Decode(b []byte) (all []Record, whole int) {
	for {
		rest := b[whole:]
		if len(rest) < frameSize {
			return all, whole
		}
		n := binary.LittleEndian.Uint32(rest)
		if n > recordMost || int(n) > len(rest)-frameSize {
			return all, whole
		}
		text := rest[frameSize : frameSize+n]
		sum := crc32.Update(crc32.Checksum(rest[:8], castagnoli), castagnoli, text)
		var r Record
		if sum != binary.LittleEndian.Uint32(rest[8:]) || json.Unmarshal(text, &r) != nil || r.Seq != binary.LittleEndian.Uint32(rest[4:]) {
			return all, whole
		}
		if len(all) > 0 && r.Seq != all[len(all)-1].Seq+1 {
			return all, whole
		}
		all = append(all, r)
		whole += frameSize + int(n)
	}
}

// Journal is the file, open for one writer.
type Journal struct {
	Records []Record // the oldest first
	Lost    int      // bytes behind the last whole record, which were cut off

	path string
	f    *os.File
	size int64
}

// Open opens the journal at path, which it makes when there is none.
func Open(path string) (*Journal, error) {
	j := &Journal{path: path}
	if err := j.open(); err != nil {
		return nil, fmt.Errorf("the journal of updates: %w", err)
	}
	return j, nil
}

func (j *Journal) open() error {
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(f, 4*sizeMost))
	if err == nil {
		var whole int
		j.Records, whole = Decode(b)
		j.Lost, j.size = len(b)-whole, int64(whole)
		if j.Lost > 0 {
			err = errors.Join(f.Truncate(j.size), f.Sync())
		}
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(j.path))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.f = f
	return nil
}

// Read gives the records of the journal at path, and changes nothing; none when there is none.
func Read(path string) ([]Record, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the journal of updates: %w", err)
	}
	all, _ := Decode(b)
	return all, nil
}

// Append writes a record, whose number it sets. It is on the disk then.
func (j *Journal) Append(r Record) error {
	if err := j.append(r); err != nil {
		return fmt.Errorf("the journal of updates: %w", err)
	}
	return nil
}

func (j *Journal) append(r Record) error {
	if j.size > sizeMost {
		if err := j.shorten(); err != nil {
			return err
		}
	}
	r.Seq = 1
	if n := len(j.Records); n > 0 {
		r.Seq = j.Records[n-1].Seq + 1
	}
	b, err := frame(r)
	if err != nil {
		return err
	}
	if _, err := j.f.WriteAt(b, j.size); err != nil {
		return errors.Join(err, j.f.Truncate(j.size))
	}
	if err := j.f.Sync(); err != nil {
		return err
	}
	j.Records, j.size = append(j.Records, r), j.size+int64(len(b))
	return nil
}

// shorten leaves out the older half of the records.
func (j *Journal) shorten() error {
	var b bytes.Buffer
	for _, r := range j.Records[len(j.Records)/2:] {
		one, err := frame(r)
		if err != nil {
			return err
		}
		b.Write(one)
	}
	if err := renameio.WriteFile(j.path, b.Bytes(), 0o600); err != nil {
		return err
	}
	return errors.Join(j.f.Close(), j.open())
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }
