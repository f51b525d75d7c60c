package log

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	liveSuffix  = ".log"
	badSuffix   = ".bad"
	indexSuffix = ".idx"
	tempSuffix  = ".tmp"

	folderMode = 0o750
	fileMode   = 0o640
)

// head is the first frame of a segment.
type head struct {
	Boot     string `json:"boot"`
	FirstSeq uint64 `json:"first_seq"` // of the first record
	// Positions says how far each live source had been read before.
	Positions map[string]uint64 `json:"positions,omitempty"`
}

// segmentName is where a segment is: its number and its file.
type segmentName struct {
	number uint64
	path   string
	bad    bool
}

func (n segmentName) index() string {
	return strings.TrimSuffix(n.path, filepath.Ext(n.path)) + indexSuffix
}

func segmentPath(dir string, number uint64, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", number, suffix))
}

// listSegments returns the segments of a store in the order of their numbers.
func listSegments(dir string) ([]segmentName, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list log segments: %w", err)
	}
	var names []segmentName
	for _, e := range entries {
		suffix := filepath.Ext(e.Name())
		number, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), suffix), 16, 64)
		if err == nil && (suffix == liveSuffix || suffix == badSuffix) {
			names = append(names, segmentName{number, filepath.Join(dir, e.Name()), suffix == badSuffix})
		}
	}
	slices.SortFunc(names, func(a, b segmentName) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
	return names, nil
}

// createSegment makes a segment that holds its head, twice: without it, nothing
// in the segment could be told from another boot's. It appears whole.
func createSegment(dir string, number uint64, h head) (*os.File, int64, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, 0, fmt.Errorf("begin log segment: %w", err)
	}
	body := append([]byte{frameHead}, text...)
	content := appendFrame(appendFrame([]byte(magic), body), body)
	path := segmentPath(dir, number, liveSuffix)
	file, err := os.OpenFile(path+tempSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return nil, 0, fmt.Errorf("begin log segment: %w", err)
	}
	_, err = file.Write(content)
	if err == nil {
		err = os.Rename(path+tempSuffix, path)
	}
	if err != nil {
		file.Close()
		os.Remove(path + tempSuffix)
		return nil, 0, fmt.Errorf("begin log segment: %w", err)
	}
	return file, int64(len(content)), nil
}

// openHead reads a segment's head. The frames that are returned stand at the
// first record. It reports whether one of the head's two copies, or the magic
// in front of them, is damaged; it is an error if both are.
func openHead(file *os.File) (h head, in *frames, damaged bool, err error) {
	var got [len(magic)]byte
	if _, err := file.ReadAt(got[:], 0); err != nil && err != io.EOF {
		return head{}, nil, false, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	damaged = string(got[:]) != magic
	in = newFrames(file, int64(len(magic)))
	found := false
	for range 2 {
		at := in.at
		body, err := in.next()
		if errors.Is(err, errTorn) && !found && in.resync() {
			damaged = true
			body, err = in.next()
		}
		if err != nil {
			break
		}
		if body[0] != frameHead {
			in.seek(at)
			break
		}
		found = found || json.Unmarshal(body[1:], &h) == nil
	}
	if !found {
		return head{}, nil, true, fmt.Errorf("%s has no head, or is not a log segment: %w", file.Name(), errTorn)
	}
	return h, in, damaged, nil
}

// state is what the records of a segment add up to.
type state struct {
	head
	index     *index
	size      int64 // of the intact part
	lastSeq   uint64
	positions map[string]uint64
	damaged   bool // intact records follow a damaged one
}

// scan reads a whole segment.
func scan(file *os.File) (state, error) {
	h, in, damaged, err := openHead(file)
	if err != nil {
		return state{}, err
	}
	s := state{head: h, damaged: damaged, index: newIndex(h.Boot), lastSeq: h.FirstSeq - 1, positions: maps.Clone(h.Positions)}
	if s.positions == nil {
		s.positions = map[string]uint64{}
	}
	for {
		s.size = in.at
		body, err := in.next()
		switch {
		case err == io.EOF:
			return s, nil
		case errors.Is(err, errTorn):
			if !in.resync() {
				return s, nil
			}
			s.damaged = true // what comes behind it counts all the same
			continue
		case err != nil:
			return state{}, err
		}
		r, err := parseRecord(h.Boot, body)
		if err != nil {
			s.damaged = true
			continue
		}
		s.add(r, s.size)
	}
}

func (s *state) add(r Record, at int64) {
	if !r.Mark {
		s.index.add(r, at)
	}
	s.lastSeq = max(s.lastSeq, r.Seq)
	if r.Source != "" {
		s.positions[r.Source] = r.Position
	}
}
