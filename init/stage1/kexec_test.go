package main

import "testing"

func TestParseEntry(t *testing.T) {
	const whole = "title x\nlinux      /clarity-b/vmlinuz\ninitrd     /clarity-b/initrd\noptions    quiet clarity.slot=b\n"
	if e, err := parseEntry(whole); err != nil || e != (bootEntry{"/clarity-b/vmlinuz", "/clarity-b/initrd", "quiet clarity.slot=b"}) {
		t.Errorf("%+v, %v", e, err)
	}
	for _, text := range []string{"", "linux /a\ninitrd /b\n", "garbage\x00\xff", whole + "efi /clarity-b/vmlinuz\n"} {
		if e, err := parseEntry(text); err == nil {
			t.Errorf("%q: %+v", text, e)
		}
	}
}
