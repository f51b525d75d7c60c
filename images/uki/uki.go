// Package uki makes unified kernel images (UAPI.5): EFI programs that have a kernel, its
// initramfs and its command line in sections behind those of systemd-stub. One signature holds
// for all of it. Nothing is signed or executed here.
//
// The format is that of Microsoft's "PE Format".
package uki

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Image is what a unified kernel image has beside the stub.
type Image struct {
	OSRelease   string // as in /etc/os-release
	CommandLine string // of the kernel
	Release     string // of the kernel, as uname -r tells it
	Kernel      []byte
	Initramfs   []byte
}

// Offsets, in bytes: of the signature's place in the file, and of fields behind the signature,
// which are of PE32+, as EFI programs of 64 bits are.
const (
	signatureAt   = 0x3c
	sectionsAt    = 4 + 2                                                     // NumberOfSections
	optionalAt    = 4 + 20                                                    // the optional header
	dataSizeAt    = optionalAt + 8                                            // SizeOfInitializedData
	imageSizeAt   = optionalAt + 56                                           // SizeOfImage
	checksumAt    = optionalAt + 64                                           // CheckSum
	sectionHeader = 40                                                        // bytes of one
	alignMost     = 64 << 10                                                  // of FileAlignment
	readOnlyData  = pe.IMAGE_SCN_CNT_INITIALIZED_DATA | pe.IMAGE_SCN_MEM_READ // Characteristics
)

// Make puts the image into a stub, which is not changed and not signed. The same values give
// the same bytes.
func (i Image) Make(stub []byte) ([]byte, error) {
	f, head, err := read(stub)
	if err != nil {
		return nil, fmt.Errorf("make a UKI: systemd-stub: %w", err)
	}
	if signed(head) {
		return nil, errors.New("make a UKI: systemd-stub is signed, which does not hold for what is added; take the one that is not")
	}
	sections := []struct {
		name string
		data []byte
	}{
		{".osrel", []byte(i.OSRelease)},
		{".cmdline", []byte(i.CommandLine)},
		{".uname", []byte(i.Release)},
		{".linux", i.Kernel},
		{".initrd", i.Initramfs},
	}
	signature := int(binary.LittleEndian.Uint32(stub[signatureAt:]))
	next := signature + optionalAt + int(f.SizeOfOptionalHeader) + len(f.Sections)*sectionHeader
	if end := next + len(sections)*sectionHeader; end > int(head.SizeOfHeaders) {
		return nil, fmt.Errorf("make a UKI: the headers of systemd-stub have %d bytes, and take %d with %d more sections; take a stub with more room", head.SizeOfHeaders, end, len(sections))
	}
	at := uint64(head.SizeOfHeaders) // in memory
	for _, s := range f.Sections {
		at = max(at, uint64(s.VirtualAddress)+uint64(s.VirtualSize))
	}
	out := bytes.Clone(stub)
	dataSize := uint64(head.SizeOfInitializedData)
	for _, s := range sections {
		at = aligned(at, head.SectionAlignment)
		out = pad(out, head.FileAlignment)
		h := pe.SectionHeader32{
			VirtualSize:      uint32(len(s.data)), // the stub takes it for the length of the text or file
			VirtualAddress:   uint32(at),
			SizeOfRawData:    uint32(aligned(uint64(len(s.data)), head.FileAlignment)),
			PointerToRawData: uint32(len(out)),
			Characteristics:  readOnlyData,
		}
		copy(h.Name[:], s.name)
		if _, err := binary.Encode(out[next:], binary.LittleEndian, h); err != nil {
			return nil, fmt.Errorf("make a UKI: section %s: %w", s.name, err)
		}
		next += sectionHeader
		out = pad(append(out, s.data...), head.FileAlignment)
		at += uint64(len(s.data))
		dataSize += uint64(h.SizeOfRawData)
	}
	if at = aligned(at, head.SectionAlignment); at > math.MaxInt32 || len(out) > math.MaxInt32 {
		return nil, fmt.Errorf("make a UKI: it would have %d bytes, and 2 GiB are the most; leave modules out of the kernel's initramfs", at)
	}
	header := out[signature:]
	binary.LittleEndian.PutUint16(header[sectionsAt:], uint16(len(f.Sections)+len(sections)))
	binary.LittleEndian.PutUint32(header[dataSizeAt:], uint32(dataSize))
	binary.LittleEndian.PutUint32(header[imageSizeAt:], uint32(at))
	binary.LittleEndian.PutUint32(header[checksumAt:], 0) // EFI does not look at it
	return out, nil
}

// Signed says whether an EFI program has a signature by Authenticode. Whether that holds is
// for the firmware to say.
func Signed(program []byte) (bool, error) {
	_, head, err := read(program)
	return err == nil && signed(head), err
}

// signed says whether there is a certificate table.
func signed(head *pe.OptionalHeader64) bool {
	return head.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY].Size > 0
}

// read reads the headers of an EFI program of 64 bits.
func read(program []byte) (*pe.File, *pe.OptionalHeader64, error) {
	f, err := pe.NewFile(bytes.NewReader(program))
	if err != nil {
		return nil, nil, fmt.Errorf("it is no EFI program: %w", err)
	}
	head, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok || !bytes.HasPrefix(program, []byte("MZ")) || head.FileAlignment == 0 || head.FileAlignment > alignMost || head.SectionAlignment == 0 {
		return nil, nil, errors.New("it is no EFI program of 64 bits")
	}
	return f, head, nil
}

// aligned is the multiple of unit that is n or next after it.
func aligned(n uint64, unit uint32) uint64 {
	return (n + uint64(unit) - 1) / uint64(unit) * uint64(unit)
}

// pad adds zeros up to a multiple of unit.
func pad(b []byte, unit uint32) []byte {
	return append(b, make([]byte, aligned(uint64(len(b)), unit)-uint64(len(b)))...)
}
