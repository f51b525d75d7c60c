package manifest

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"clarityos/update/loader"
	"clarityos/update/slots"
	"clarityos/update/verity"
)

// release is one that is right.
func release() *Manifest {
	part := func(size int64, places int) Part { return Part{Blob{Hash{1}, size}, places} }
	return &Manifest{
		Format: Format, Name: "demo", Version: "1.2.0", Security: 3, Arch: "amd64", Kernel: "6.12.57+deb13-cloud-amd64",
		Components: []Component{
			{Name: "nginx", Version: "1.26.3-3", Requires: []Requirement{{KernelName, ">= 6.1"}, {"demo", ">= 1.0, < 2"}}},
			{Name: "redis", Version: "5:8.0.2-3", Conflicts: []Requirement{{"valkey", "< 9"}}},
		},
		State: State{1, 2}, Restart: Restart, Health: Health{For: 30, Within: 300}, Notes: "new",
		Root: part(100*verity.Block, 7), Tree: part(verity.Size(100), 1), Hash: Hash{2},
		Boot: []File{
			{Path: EntryPath, Text: true, Part: part(200, 1)},
			{Path: FolderPath + "vmlinuz", Slot: "a", Part: part(1<<20, 9)},
			{Path: FolderPath + "vmlinuz", Slot: "b", Part: part(1<<20, 9)},
		},
		Table: Blob{Hash{3}, 1000}, Packed: Blob{Hash{4}, 1 << 20},
	}
}

func machine() Machine {
	return Machine{
		Name: "demo", Arch: "amd64", Version: "1.1.9", Security: 3, Schema: 1, Root: 100 * verity.Block, Tree: verity.Size(100),
		Components: map[string]string{KernelName: "6.12.57+deb13-cloud-amd64", "demo": "1.1.9", "valkey": "9.0.1-1"},
	}
}

func TestManifest(t *testing.T) {
	b, err := release().Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.Encode(); err != nil || !bytes.Equal(again, b) {
		t.Errorf("%v: written again, it is\n%s", err, again)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"another field":      {`"format": 1,`, `"format": 1, "x": 2,`, "unknown field"},
		"a field twice":      {`"security": 3,`, `"security": 4, "security": 3,`, "one form"},
		"another form":       {`"security": 3,`, `"security":3,`, "one form"},
		"what comes after":   {"\n}\n", "\n}\n{}", "it is no manifest"},
		"a later format":     {`"format": 1,`, `"format": 2,`, "another update has to come first"},
		"a number too large": {`"security": 3,`, `"security": 4294967296,`, "it is no manifest"},
		"a negative size":    {`"size": 409600,`, `"size": -4096,`, "root: -4096 bytes"},
		"a short hash":       {`"hash": "02`, `"hash": "`, "no SHA-256 sum"},
	} {
		changed := strings.Replace(string(b), c.from, c.to, 1)
		if changed == string(b) {
			t.Fatalf("%s: %s is not there", name, c.from)
		}
		if _, err := Decode([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What no release may say names its place.
func TestCheck(t *testing.T) {
	for want, change := range map[string]func(*Manifest){
		"name: ":                               func(m *Manifest) { m.Name = "../demo" },
		"version: \"1.2\"":                     func(m *Manifest) { m.Version = "1.2" },
		"arch: ":                               func(m *Manifest) { m.Arch = "mips" },
		"board: ":                              func(m *Manifest) { m.Board = "A board" },
		"restart: ":                            func(m *Manifest) { m.Restart = "now" },
		"state: ":                              func(m *Manifest) { m.State.From = 3 },
		"health: ":                             func(m *Manifest) { m.Health.Within = 0 },
		"notes: ":                              func(m *Manifest) { m.Notes = "\x1b[2J" },
		"kernel: ":                             func(m *Manifest) { m.Kernel = "\xff" },
		"components[1]: \"nginx\" comes after": func(m *Manifest) { m.Components[1].Name = "nginx" },
		"components[0]: \">= one\"":            func(m *Manifest) { m.Components[0].Requires[0].Range = ">= one" },
		"root: 1 bytes":                        func(m *Manifest) { m.Root.Size = 1 },
		"tree: ":                               func(m *Manifest) { m.Tree.Size += verity.Block },
		"table: ":                              func(m *Manifest) { m.Table.Size = 1 << 40 },
		"packed: ":                             func(m *Manifest) { m.Packed.Size = 0 },
		"part 0: -1 places":                    func(m *Manifest) { m.Root.Places = -1 },
		"boot: 0 files":                        func(m *Manifest) { m.Boot = nil },
		"boot[0]: \"/etc/passwd\"":             func(m *Manifest) { m.Boot[0].Path = "/etc/passwd" },
		"boot[0]: \"clarity-{slot}/../x\"":     func(m *Manifest) { m.Boot[0].Path = FolderPath + "../x" },
		"boot[0]: EFI/BOOT/BOOTX64.EFI is no slot's own":  func(m *Manifest) { m.Boot[0].Path = "EFI/BOOT/BOOTX64.EFI" },
		"boot[0]: loader/entries/clarity-a.conf is no":    func(m *Manifest) { m.Boot[0].Path = "loader/entries/clarity-a.conf" },
		"boot[0]: \"clarity-{slot}/{x}\"":                 func(m *Manifest) { m.Boot[0].Path = FolderPath + "{x}" },
		"boot[1]: clarity-{slot}/vmlinuz: \"c\"":          func(m *Manifest) { m.Boot[1].Slot = "c" },
		"boot[2]: clarity-{slot}/VMLINUZ is there twice":  func(m *Manifest) { m.Boot[2].Path, m.Boot[2].Slot = FolderPath+"VMLINUZ", "" },
		"boot[0]: loader/entries/clarity-{slot}.conf has": func(m *Manifest) { m.Boot[0].Size = textMost + 1 },
	} {
		m := release()
		change(m)
		if _, err := m.Encode(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("wanted %q: %v", want, err)
		}
	}
}

func TestAccept(t *testing.T) {
	if err := release().Accept(machine(), Force{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Manifest, *Machine)
		force  Force
		want   Reason
	}{
		"another image":        {func(_ *Manifest, on *Machine) { on.Name = "office" }, Force{true, true}, WrongName},
		"architecture":         {func(_ *Manifest, on *Machine) { on.Arch = "arm64" }, Force{true, true}, WrongArch},
		"board":                {func(m *Manifest, on *Machine) { m.Board = "rpi-4" }, Force{true, true}, WrongBoard},
		"the board":            {func(m *Manifest, on *Machine) { m.Board, on.Board = "rpi-4", "rpi-4" }, Force{}, ""},
		"security goes back":   {func(_ *Manifest, on *Machine) { on.Security = 4 }, Force{true, true}, RolledBack},
		"state is too old":     {func(_ *Manifest, on *Machine) { on.Schema = 0 }, Force{true, true}, WrongState},
		"state is too new":     {func(_ *Manifest, on *Machine) { on.Schema = 3 }, Force{true, true}, WrongState},
		"slot too small":       {func(_ *Manifest, on *Machine) { on.Root-- }, Force{true, true}, SlotTooSmall},
		"tree too small":       {func(_ *Manifest, on *Machine) { on.Tree-- }, Force{true, true}, SlotTooSmall},
		"it runs":              {func(_ *Manifest, on *Machine) { on.Version = "1.2.0" }, Force{}, SameAsRunning},
		"it is older":          {func(_ *Manifest, on *Machine) { on.Version = "1.10.0" }, Force{}, OlderVersion},
		"it is wanted":         {func(_ *Manifest, on *Machine) { on.Version = "1.10.0" }, Force{Older: true}, ""},
		"no version runs":      {func(_ *Manifest, on *Machine) { on.Version = "" }, Force{}, ""},
		"it failed here":       {func(_ *Manifest, on *Machine) { on.Refused = map[string]string{"1.2.0": "no"} }, Force{Older: true}, FailedBefore},
		"once more":            {func(_ *Manifest, on *Machine) { on.Refused = map[string]string{"1.2.0": "no"} }, Force{Again: true}, ""},
		"kernel":               {func(_ *Manifest, on *Machine) { on.Components[KernelName] = "5.10.0-33-amd64" }, Force{true, true}, WrongKernel},
		"an image too old":     {func(_ *Manifest, on *Machine) { on.Components["demo"] = "0.9.0" }, Force{true, true}, Missing},
		"a component is gone":  {func(_ *Manifest, on *Machine) { delete(on.Components, "demo") }, Force{true, true}, Missing},
		"conflict":             {func(_ *Manifest, on *Machine) { on.Components["valkey"] = "8.1.1+dfsg1-3" }, Force{true, true}, Conflict},
		"what conflicts is no": {func(_ *Manifest, on *Machine) { delete(on.Components, "valkey") }, Force{}, ""},
	} {
		m, on := release(), machine()
		c.change(m, &on)
		err := m.Accept(on, c.force)
		var refusal *Refusal
		if errors.As(err, &refusal); c.want == "" && err != nil || c.want != "" && (refusal == nil || refusal.Reason != c.want || refusal.Text == "") {
			t.Errorf("%s: wanted %q: %v", name, c.want, err)
		}
	}
}

func TestFor(t *testing.T) {
	f := File{Path: FolderPath + "cmdline.txt", Text: true}
	path, data := f.For(slots.B, "GUID", []byte("slot={slot} state={state}"))
	if path != "clarity-b/cmdline.txt" || string(data) != "slot=b state=GUID" {
		t.Errorf("%s: %s", path, data)
	}
	f.Text = false
	if _, data = f.For(slots.B, "GUID", []byte("{slot}")); string(data) != "{slot}" {
		t.Errorf("what is no text became %s", data)
	}
}

// The places that a manifest may name are those of a slot.
func TestPlaces(t *testing.T) {
	for _, s := range []slots.Slot{slots.A, slots.B} {
		for i, want := range loader.Paths(s) {
			form := []string{EntryPath, FolderPath + "vmlinuz", FolderPath + "initrd"}[i]
			if got, _ := (File{Path: form}).For(s, "", nil); got != want {
				t.Errorf("%s is %s, and not %s", form, got, want)
			}
		}
	}
}

func TestNewer(t *testing.T) {
	names := []string{"1.2.0", "1.10.0", "x", "1.2.0-rc.1", "2.0.0-alpha"}
	if got := strings.Join(Newer(names, "1.2.0-rc.1"), " "); got != "2.0.0-alpha 1.10.0 1.2.0" {
		t.Error(got)
	}
	if got := strings.Join(Newer(names, ""), " "); got != "2.0.0-alpha 1.10.0 1.2.0 1.2.0-rc.1" {
		t.Error(got)
	}
}

func FuzzManifest(f *testing.F) {
	b, err := release().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format": 1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%v: it has another form when it is written again:\n%s", err, again)
		}
		_ = m.Accept(machine(), Force{})
	})
}
