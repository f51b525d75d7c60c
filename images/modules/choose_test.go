package modules

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"clarityos/images/elftest"

	"github.com/google/go-cmp/cmp"
)

func tree(t *testing.T) *Tree {
	t.Helper()
	ko := func(entries ...string) *fstest.MapFile { return &fstest.MapFile{Data: elftest.Module(entries...)} }
	tree, err := OpenTree(fstest.MapFS{
		"modules.builtin":              {Data: []byte("kernel/fs/ext4/ext4.ko\nkernel/lib/crc16.ko\n")},
		"kernel/drivers/virtio-net.ko": ko("name=virtio_net", "depends=net_failover,virtio_ring", "alias=virtio:d00000001v*"),
		"kernel/net/net_failover.ko":   ko("name=net_failover", "depends=failover"),
		"kernel/net/failover.ko":       ko("name=failover", "depends="),
		"kernel/drivers/virtio.ko":     ko("name=virtio"),
		"kernel/drivers/ring.ko":       {Data: []byte("not read: it has another name")},
		"kernel/drivers/virtio_ring.ko": ko("name=virtio_ring", "depends=virtio,crc16",
			"softdep=pre: failover post: later"),
		"kernel/a.ko":      ko("name=a", "depends=b"),
		"kernel/b.ko":      ko("name=b", "depends=a"),
		"kernel/broken.ko": ko("name=broken", "depends=nowhere"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func names(chosen []Module) string {
	var list []string
	for _, m := range chosen {
		list = append(list, m.Name)
	}
	return strings.Join(list, " ")
}

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name             string
		wanted, required []string
		want, err        string
	}{
		{name: "dependencies come first", wanted: []string{"virtio-net"},
			want: "failover net_failover virtio virtio_ring virtio_net"},
		{name: "a soft dependency comes first too", wanted: []string{"virtio_ring"}, want: "virtio failover virtio_ring"},
		{name: "built in and unknown are skipped", wanted: []string{"ext4", "never-heard-of", "virtio"}, want: "virtio"},
		{name: "each once", wanted: []string{"failover", "net_failover", "failover"}, want: "failover net_failover"},
		{name: "required and built in", required: []string{"ext4"}},
		{name: "required and unknown", required: []string{"never-heard-of"}, err: "the kernel has no module never_heard_of"},
		{name: "circle", wanted: []string{"a"}, err: "kernel modules depend on each other in a circle: a → b → a"},
		{name: "missing dependency", wanted: []string{"broken"},
			err: "kernel module broken depends on nowhere, which the kernel does not have"},
	} {
		t.Run(test.name, func(t *testing.T) {
			chosen, err := tree(t).Choose(test.wanted, test.required)
			message := ""
			if err != nil {
				message = err.Error()
			}
			if diff := cmp.Diff(test.err, message); diff != "" {
				t.Fatalf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, names(chosen)); diff != "" {
				t.Errorf("load order (-want +got):\n%s", diff)
			}
		})
	}
	_, err := tree(t).Choose(nil, []string{"x"})
	if unknown := (*UnknownError)(nil); !errors.As(err, &unknown) || unknown.Name != "x" {
		t.Errorf("an unknown required module is %v, want an UnknownError for x", err)
	}
}

func TestIndexes(t *testing.T) {
	chosen, err := tree(t).Choose([]string{"virtio_net"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "kernel/net/failover.ko:\n" +
		"kernel/net/net_failover.ko: kernel/net/failover.ko\n" +
		"kernel/drivers/virtio.ko:\n" +
		"kernel/drivers/virtio_ring.ko: kernel/drivers/virtio.ko\n" +
		"kernel/drivers/virtio-net.ko: kernel/drivers/virtio_ring.ko kernel/drivers/virtio.ko" +
		" kernel/net/net_failover.ko kernel/net/failover.ko\n"
	if diff := cmp.Diff(want, Dep(chosen)); diff != "" {
		t.Errorf("modules.dep (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("alias virtio:d00000001v* virtio_net\n", Alias(chosen)); diff != "" {
		t.Errorf("modules.alias (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("softdep virtio_ring pre: failover\n", Softdep(chosen)); diff != "" {
		t.Errorf("modules.softdep (-want +got):\n%s", diff)
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add(elftest.Module("name=x", "depends=a,b", "softdep=pre: c"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(_ *testing.T, ko []byte) { _, _ = ParseInfo(ko) })
}
