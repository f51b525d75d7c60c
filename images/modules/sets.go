package modules

// Early lists the modules that are loaded at boot without waiting for a device
// to ask: what the first mounts, the network and the control channel need.
func Early() []string {
	return []string{
		"virtio_pci", "virtio_mmio", "virtio_blk", "virtio_console", "virtio_net", "virtio_rng", "virtio_balloon",
		"ext4", "overlay", "af_packet", "ipv6", "i6300esb",
	}
}

// Common lists the further modules of every image: what QEMU's machines and
// usual boards need, loaded when a device or a mount asks for them.
func Common() []string {
	return []string{
		// disks
		"virtio_scsi", "nvme", "ahci", "ata_piix", "sd_mod", "sr_mod", "usb_storage", "uas", "mmc_block", "sdhci_pci",
		"sdhci_acpi", "sdhci_iproc", "loop", "dm_mod", "dm_verity", "dm_crypt", "zram",
		// file systems
		"erofs", "squashfs", "vfat", "nls_ascii", "nls_cp437", "nls_utf8", "isofs", "fuse", "9p", "9pnet_virtio", "virtiofs",
		"efivarfs", "autofs4", "configfs",
		// network
		"e1000", "e1000e", "igb", "r8169", "tg3", "vmxnet3", "bcmgenet", "bridge", "veth", "tun", "dummy",
		"nf_tables", "nft_ct", "nft_chain_nat", "nft_masq", "nft_reject_inet", "nft_limit", "nft_log", "nft_counter",
		"nf_conntrack", "unix_diag", "inet_diag", "tcp_diag", "netlink_diag", "udp_diag", "packet_diag",
		// Raspberry Pis: the card and its power, USB, network
		"bcm2835", "gpio_raspberrypi_exp", "clk_raspberrypi", "reset_raspberrypi", "pcie_brcmstb", "dwc2", "lan78xx", "smsc95xx",
		// machines and consoles
		"vsock", "vmw_vsock_virtio_transport", "vsock_loopback", "xhci_pci", "xhci_hcd", "ehci_pci", "usbhid", "hid_generic",
		"iTCO_wdt", "sp5100_tco", "bcm2835_wdt", "softdog", "button", "evdev", "rtc_cmos", "qemu_fw_cfg", "virtio_input",
		"crc32c_generic", "crc32c_intel", "sha256_generic", "zstd", "lz4", "lzo_rle",
	}
}
