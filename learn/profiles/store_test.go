package profiles

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func example() *Book {
	b := New()
	b.InBoot("one")
	run(b, up(time.Second, 1500*ms), at(1600*ms, CPU, .5, Memory, 3e6), at(9*time.Second, CPU, .7, Memory, 4e6), state("deactivating", 10*time.Second), state("inactive", 11*time.Second))
	return b
}

// Whatever was folded is read as it was written, and equal books give equal bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New()
		for i := range rapid.IntRange(0, 5).Draw(t, "units") {
			p := b.open(fmt.Sprintf("u%d.service", i))
			p.become(Identity{byte(i)})
			for range rapid.IntRange(0, 40).Draw(t, "values") {
				f := rapid.SampledFrom(figures).Draw(t, "figure")
				p.learn(rapid.SampledFrom(phases).Draw(t, "phase"), f.Measure, math.Exp2(rapid.Float64Range(-40, 60).Draw(t, "value")), rapid.Bool().Draw(t, "windowed"))
			}
		}
		file := b.Encode()
		again, err := Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Encode(), file) {
			t.Fatal("read and written again it is other bytes")
		}
	})
}

// No bit can change without notice.
func TestEveryFlippedBit(t *testing.T) {
	file := example().Encode()
	for i := range file {
		for bit := range 8 {
			file[i] ^= 1 << bit
			if _, err := Decode(file); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
			file[i] ^= 1 << bit
		}
	}
}

// The largest book fits, and is written smaller where it has to be.
func TestLargest(t *testing.T) {
	b := New()
	for i := range maxUnits {
		name := fmt.Sprintf("%0255d", i)
		b.Change(Change{Unit: name, Active: "active", At: 1})
		p := b.Profile(name)
		for _, ph := range phases {
			for _, f := range figures {
				for n := range MaxBuckets {
					p.learn(ph, f.Measure, float64(int(1)<<n), false)
				}
			}
		}
	}
	file := b.Encode()
	if _, err := Decode(file); err != nil || len(file) > MaxSize {
		t.Errorf("%d bytes: %v", len(file), err)
	}
	t.Logf("%d bytes, %d buckets", len(file), b.buckets())
}

// A file that is none is set aside in the place of an earlier one, and told.
func TestSetAside(t *testing.T) {
	good := example().Encode()
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	foreign := bytes.Clone(good)
	foreign[8]++
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"a flipped bit": {flipped, ErrDamaged}, "cut": {good[:len(good)-5], ErrDamaged}, "empty": {nil, ErrDamaged}, "another version": {foreign, ErrForeign},
		"too large": {make([]byte, MaxSize+100), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "below", "profiles")
			if b, err := Load(path); err != nil || len(b.Units()) != 0 {
				t.Fatalf("no file: %v, %v", b.Units(), err)
			}
			if err := errors.Join(Save(path, c.file), os.WriteFile(path+".bad", []byte("earlier"), 0o600)); err != nil {
				t.Fatal(err)
			}
			b, err := Load(path)
			if !errors.Is(err, c.want) || len(b.Units()) != 0 {
				t.Errorf("%v, %v", b.Units(), err)
			}
			aside, readErr := os.ReadFile(path + ".bad")
			if _, gone := os.Stat(path); !bytes.Equal(aside, c.file) || readErr != nil || !errors.Is(gone, os.ErrNotExist) {
				t.Errorf("set aside: %d bytes, %v, %v", len(aside), readErr, gone)
			}
			if err := errors.Join(os.WriteFile(filepath.Join(filepath.Dir(path), ".profiles123"), nil, 0o600), Save(path, good)); err != nil {
				t.Fatal(err)
			}
			b, err = Load(path)
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
			if err != nil || len(b.Units()) != 1 || len(left) > 0 {
				t.Errorf("%v, %v, %v", b.Units(), left, err)
			}
		})
	}
}

// Of a body whose checksum is right only what Encode gives is read.
func FuzzDecode(f *testing.F) {
	f.Add(example().Encode())
	f.Add(New().Encode())
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) >= headerSize {
			copy(file, magic)
			binary.LittleEndian.PutUint32(file[8:], version)
			binary.LittleEndian.PutUint32(file[12:], crc32.Checksum(file[headerSize:], castagnoli))
			binary.LittleEndian.PutUint32(file[16:], uint32(len(file)-headerSize))
		}
		b, err := Decode(file)
		if err != nil {
			return
		}
		if !bytes.Equal(b.Encode(), file) {
			t.Error("it is written as other bytes than it was read of")
		}
	})
}
