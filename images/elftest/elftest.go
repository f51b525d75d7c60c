// Package elftest makes small ELF files for the tests of images and
// images/modules, which import it; nothing else does.
package elftest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Module is a kernel module that has nothing but the given .modinfo entries.
func Module(entries ...string) []byte {
	var info bytes.Buffer
	for _, e := range entries {
		info.WriteString(e + "\x00")
	}
	return file(elf.ET_REL, []section{{".modinfo", elf.SHT_PROGBITS, 0, info.Bytes()}})
}

// Dynamic is a program or library that needs the given libraries.
func Dynamic(libraries ...string) []byte {
	strings := []byte{0}
	var dynamic bytes.Buffer
	for _, l := range libraries {
		binary.Write(&dynamic, binary.LittleEndian, elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: uint64(len(strings))})
		strings = append(strings, l+"\x00"...)
	}
	binary.Write(&dynamic, binary.LittleEndian, elf.Dyn64{Tag: int64(elf.DT_NULL)})
	return file(elf.ET_DYN, []section{{".dynstr", elf.SHT_STRTAB, 0, strings}, {".dynamic", elf.SHT_DYNAMIC, 1, dynamic.Bytes()}})
}

type section struct {
	name string
	kind elf.SectionType
	link uint32
	data []byte
}

// file lays the sections out one after the other, with the null section before
// and the section names after them.
func file(kind elf.Type, sections []section) []byte {
	names := []byte{0}
	var body bytes.Buffer
	headers := []elf.Section64{{}}
	const start = 64
	add := func(s section) {
		headers = append(headers, elf.Section64{Name: uint32(len(names)), Type: uint32(s.kind), Link: s.link,
			Off: uint64(start + body.Len()), Size: uint64(len(s.data)), Addralign: 1})
		names = append(names, s.name+"\x00"...)
		body.Write(s.data)
	}
	for _, s := range sections {
		add(s)
	}
	names = append(names, ".shstrtab\x00"...)
	headers = append(headers, elf.Section64{Name: uint32(len(names) - 10), Type: uint32(elf.SHT_STRTAB),
		Off: uint64(start + body.Len()), Size: uint64(len(names)), Addralign: 1})
	body.Write(names)

	h := elf.Header64{Type: uint16(kind), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: uint64(start + body.Len()),
		Ehsize: start, Shentsize: 64, Shnum: uint16(len(headers)), Shstrndx: uint16(len(headers) - 1)}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = 2, 1, 1
	var out bytes.Buffer
	binary.Write(&out, binary.LittleEndian, h)
	out.Write(body.Bytes())
	binary.Write(&out, binary.LittleEndian, headers)
	return out.Bytes()
}
