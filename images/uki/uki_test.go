package uki

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"strings"
	"testing"
)

const (
	headers  = 0x400 // bytes of a stub's headers
	inFile   = 0x200
	inMemory = 0x1000
)

// stub makes a program with sections, each of 300 bytes, and a header that has so many bytes
// in front of its section table.
func stub(t testing.TB, sections int, change func(*pe.OptionalHeader64)) []byte {
	t.Helper()
	file := pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: uint16(sections), SizeOfOptionalHeader: 240}
	optional := pe.OptionalHeader64{
		Magic: 0x20b, SectionAlignment: inMemory, FileAlignment: inFile, SizeOfHeaders: headers,
		SizeOfInitializedData: 300, CheckSum: 1, Subsystem: pe.IMAGE_SUBSYSTEM_EFI_APPLICATION, NumberOfRvaAndSizes: 16,
	}
	if change != nil {
		change(&optional)
	}
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, signatureAt-b.Len()))
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	put(uint32(0x80))
	b.Write(make([]byte, 0x80-b.Len()))
	b.WriteString("PE\x00\x00")
	put(file)
	put(optional)
	for i := range sections {
		put(pe.SectionHeader32{
			Name: [8]uint8{'.', 'a' + uint8(i)}, VirtualSize: 300, VirtualAddress: uint32(i+1) * inMemory,
			SizeOfRawData: inFile, PointerToRawData: headers + uint32(i)*inFile, Characteristics: readOnlyData,
		})
	}
	b.Write(make([]byte, headers-b.Len()))
	b.Write(bytes.Repeat([]byte{7}, sections*inFile-100)) // it ends where its last data does
	return b.Bytes()
}

var whole = Image{
	OSRelease: "ID=clarityos\n", CommandLine: "console=ttyS0 quiet", Release: "6.12.1-amd64",
	Kernel: bytes.Repeat([]byte{1}, 5*inMemory+1), Initramfs: bytes.Repeat([]byte{2}, 2*inFile),
}

func TestMake(t *testing.T) {
	in := stub(t, 2, nil)
	out, err := whole.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := whole.Make(in); err != nil || !bytes.Equal(again, out) {
		t.Errorf("made again it has other bytes, %v", err)
	}
	if !bytes.Equal(in, stub(t, 2, nil)) || !bytes.Equal(out[headers:len(in)], in[headers:]) {
		t.Error("the stub was changed")
	}
	f, err := pe.NewFile(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	want := []struct{ name, data string }{
		{".a", ""}, {".b", ""},
		{".osrel", whole.OSRelease}, {".cmdline", whole.CommandLine}, {".uname", whole.Release},
		{".linux", string(whole.Kernel)}, {".initrd", string(whole.Initramfs)},
	}
	if len(f.Sections) != len(want) {
		t.Fatalf("%d sections", len(f.Sections))
	}
	file, memory := uint32(headers), uint32(inMemory) // where the next section may begin
	var raw uint32
	for i, s := range f.Sections {
		if s.Name != want[i].name || s.Offset%inFile != 0 || s.Size%inFile != 0 || s.VirtualAddress%inMemory != 0 || s.Offset < file || s.VirtualAddress < memory {
			t.Errorf("section %d: %+v", i, s.SectionHeader)
		}
		if i >= 2 {
			data, err := s.Data()
			if err != nil || s.VirtualSize != uint32(len(want[i].data)) || string(data[:s.VirtualSize]) != want[i].data {
				t.Errorf("section %s has other data: %+v, %v", s.Name, s.SectionHeader, err)
			}
			raw += s.Size
		}
		file, memory = s.Offset+s.Size, s.VirtualAddress+s.VirtualSize
	}
	head := f.OptionalHeader.(*pe.OptionalHeader64)
	if end := (memory + inMemory - 1) / inMemory * inMemory; head.SizeOfImage != end || head.SizeOfHeaders != headers || head.CheckSum != 0 || head.SizeOfInitializedData != 300+raw {
		t.Errorf("%+v, and the last section ends at %#x", head, memory)
	}
	if len(out) != int(file) {
		t.Errorf("%d bytes, and the last section ends at %d", len(out), file)
	}
	if is, err := Signed(out); is || err != nil {
		t.Errorf("signed: %v, %v", is, err)
	}
}

func TestRefused(t *testing.T) {
	most := (headers - 0x80 - 4 - 20 - 240) / sectionHeader
	for name, c := range map[string]struct {
		stub []byte
		want string
	}{
		"no room":          {stub(t, most-4, nil), "the headers of systemd-stub have 1024 bytes, and take 1"},
		"signed":           {stub(t, 2, func(h *pe.OptionalHeader64) { h.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_SECURITY].Size = 8 }), "is signed"},
		"nothing":          {nil, "it is no EFI program"},
		"a text":           {[]byte(strings.Repeat("text", 100)), "it is no EFI program"},
		"no MZ":            {append([]byte("ZM"), stub(t, 2, nil)[2:]...), "it is no EFI program"},
		"without aligning": {stub(t, 2, func(h *pe.OptionalHeader64) { h.FileAlignment = 0 }), "no EFI program of 64 bits"},
	} {
		if _, err := whole.Make(c.stub); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := whole.Make(stub(t, most-5, nil)); err != nil {
		t.Errorf("with just enough room: %v", err)
	}
}

func FuzzMake(f *testing.F) {
	f.Add(stub(f, 2, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := whole.Make(b)
		if err != nil {
			return
		}
		if is, err := Signed(out); is || err != nil {
			t.Errorf("signed: %v, %v", is, err)
		}
	})
}
