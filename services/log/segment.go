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

// createSegment makes a segment that holds its head. It appears whole.
func createSegment(dir string, number uint64, h head) (*os.File, int64, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, 0, fmt.Errorf("begin log segment: %w", err)
	}
	content := appendFrame([]byte(magic), append([]byte{frameHead}, text...))
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

// openHead reads a segment's magic and head. The frames that are returned
// stand at the first record.
func openHead(file *os.File) (head, *frames, error) {
	var got [len(magic)]byte
	if _, err := file.ReadAt(got[:], 0); err != nil && err != io.EOF {
		return head{}, nil, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	if string(got[:]) != magic {
		return head{}, nil, fmt.Errorf("%s is not a log segment of this version", file.Name())
	}
	in := newFrames(file, int64(len(magic)))
	body, err := in.next()
	if err != nil || body[0] != frameHead {
		return head{}, nil, fmt.Errorf("%s has no head: %w", file.Name(), errTorn)
	}
	var h head
	if err := json.Unmarshal(body[1:], &h); err != nil {
		return head{}, nil, fmt.Errorf("%s: head: %w", file.Name(), err)
	}
	return h, in, nil
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
	h, in, err := openHead(file)
	if err != nil {
		return state{}, err
	}
	s := state{head: h, index: newIndex(h.Boot), lastSeq: h.FirstSeq - 1, positions: maps.Clone(h.Positions)}
	if s.positions == nil {
		s.positions = map[string]uint64{}
	}
	for {
		at := in.at
		body, err := in.next()
		switch {
		case err == io.EOF:
			s.size = at
			return s, nil
		case errors.Is(err, errTorn):
			s.size = at
			s.damaged = in.resync()
			return s, nil
		case err != nil:
			return state{}, err
		}
		r, err := parseRecord(h.Boot, body)
		if err != nil {
			s.size, s.damaged = at, true
			return s, nil
		}
		s.add(r, at)
	}
}

func (s *state) add(r Record, at int64) {
	s.index.add(r, at)
	s.lastSeq = max(s.lastSeq, r.Seq)
	if r.Source != "" {
		s.positions[r.Source] = r.Position
	}
}
