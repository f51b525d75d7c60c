package discovery

import (
	"path"
	"strings"
)

// Guess says which protocol is likely to be spoken at an endpoint, "" for none. An
// endpoint that is well known decides, then the unit: a daemon that speaks but one
// protocol. Names are those of IANA's registry, as far as it has them.
func Guess(endpoint, unit string) string {
	transport, address := Split(endpoint)
	guess := ""
	switch transport {
	case "bus":
		return "dbus"
	case "tcp", "udp":
		guess = ports[transport][portOf(endpoint)]
	case "unix":
		guess = ofPath(address)
	}
	if guess == "" && (transport == "tcp" || transport == "unix") {
		guess = daemons[stem(unit)]
	}
	return guess
}

// stem is a daemon's name: redis of redis-server@7.service.
func stem(unit string) string {
	name, _, _ := strings.Cut(nameOf(unit), "@")
	return strings.TrimSuffix(name, "-server")
}

// ports are those that services have by default, from IANA's Service Name and Transport
// Protocol Port Number Registry; http-alt is called what it speaks.
var ports = map[string]map[uint64]string{
	"tcp": {
		21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "domain", 80: "http", 88: "kerberos", 110: "pop3",
		111: "sunrpc", 143: "imap", 179: "bgp", 389: "ldap", 443: "https", 445: "microsoft-ds", 465: "submissions",
		502: "mbap", 554: "rtsp", 587: "submission", 631: "ipp", 636: "ldaps", 853: "domain-s", 873: "rsync",
		993: "imaps", 995: "pop3s", 1883: "mqtt", 2049: "nfs", 2379: "etcd-client", 2380: "etcd-server", 3306: "mysql",
		3389: "ms-wbt-server", 4840: "opcua-tcp", 5060: "sip", 5432: "postgresql", 5671: "amqps", 5672: "amqp",
		5683: "coap", 5684: "coaps", 5900: "rfb", 6379: "redis", 8008: "http", 8080: "http", 8883: "secure-mqtt",
		9418: "git", 11211: "memcache", 27017: "mongodb",
	},
	"udp": {
		53: "domain", 67: "bootps", 68: "bootpc", 69: "tftp", 88: "kerberos", 111: "sunrpc", 123: "ntp",
		137: "netbios-ns", 138: "netbios-dgm", 161: "snmp", 162: "snmptrap", 443: "https", 500: "isakmp", 514: "syslog",
		546: "dhcpv6-client", 547: "dhcpv6-server", 853: "domain-s", 1900: "ssdp", 4500: "ipsec-nat-t", 5060: "sip",
		5353: "mdns", 5355: "llmnr", 5683: "coap", 5684: "coaps",
	},
}

// paths are sockets whose place is fixed: by hier(7), the FHS, and the daemons' own
// documentation.
var paths = map[string]string{
	"/dev/log":                        "syslog",
	"/run/systemd/journal/dev-log":    "syslog",
	"/run/systemd/journal/syslog":     "syslog",
	"/run/systemd/journal/socket":     "journal",
	"/run/systemd/journal/stdout":     "journal-stdout",
	"/run/systemd/notify":             "sd-notify",
	"/run/dbus/system_bus_socket":     "dbus",
	"/run/clarity/bus":                "varlink",
	"/run/clarity/control":            "varlink",
	"/run/udev/control":               "udev",
	"/run/docker.sock":                "docker",
	"/run/podman/podman.sock":         "docker",
	"/run/containerd/containerd.sock": "containerd",
	"/run/mysqld/mysqld.sock":         "mysql",
	"/run/memcached/memcached.sock":   "memcache",
	"/run/nscd/socket":                "nscd",
	"/run/avahi-daemon/socket":        "avahi",
	"/run/pcscd/pcscd.comm":           "pcsc",
	"/run/cups/cups.sock":             "ipp",
	"/run/slapd/ldapi":                "ldap",
	"/run/rpcbind.sock":               "sunrpc",
}

// bases are what the last part of a path begins with, wherever it is.
var bases = []struct{ prefix, protocol string }{
	{".s.PGSQL.", "postgresql"}, // libpq: its port follows
	{"io.systemd.", "varlink"},
	{"wayland-", "wayland"},
}

// ofPath knows /var/run, which is /run (FHS 3.0, 5.13).
func ofPath(p string) string {
	if rest, ok := strings.CutPrefix(p, "/var/run/"); ok {
		p = "/run/" + rest
	}
	if known := paths[p]; known != "" {
		return known
	}
	for _, b := range bases {
		if strings.HasPrefix(path.Base(p), b.prefix) {
			return b.protocol
		}
	}
	if strings.HasPrefix(p, "/tmp/.X11-unix/X") || strings.HasPrefix(p, "@/tmp/.X11-unix/X") {
		return "x11"
	}
	return ""
}

// daemons speak one protocol wherever they listen. Names are those of Debian's units.
var daemons = map[string]string{
	"redis": "redis", "valkey": "redis", "memcached": "memcache", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql",
	"mosquitto": "mqtt", "nginx": "http", "apache2": "http", "lighttpd": "http", "caddy": "http", "ssh": "ssh", "sshd": "ssh", "dropbear": "ssh",
	"docker": "docker", "containerd": "containerd", "dbus": "dbus", "dbus-broker": "dbus", "slapd": "ldap", "mongod": "mongodb",
}
