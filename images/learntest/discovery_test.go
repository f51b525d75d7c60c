package learntest

import (
	"testing"

	"clarityos/images"
	"clarityos/qemu"
)

// TestDiscovery looks redis up by name, watches it go and come, and starts a unit that
// knows no port.
func TestDiscovery(t *testing.T) {
	m := boot(t, images.Override{}, "")
	m.Run("services, by name and protocol", func(m machine) {
		m.says("clarityctl services", qemu.Has("endpoint ", "tcp:0.0.0.0:6379 ", " redis-server.service ", " redis ", "unix:/run/redis/redis-server.sock ", " unknown"))
		m.says("clarityctl lookup redis", qemu.Has("tcp:127.0.0.1:6379\n"))
		m.says("clarityctl lookup redis-server --protocol unix", qemu.Has("unix:/run/redis/redis-server.sock\n"))
		m.says("clarityctl lookup rediz 2>&1; echo it was $?", qemu.Has("near it are redis, redis-server", "it was 1"))
		m.says("cat "+folder+"/endpoints", qemu.Has("redis-server tcp:127.0.0.1:6379 redis redis-server.service\n"))
		m.says("ls -l /run/clarity", qemu.Has("drwx------"))
	})
	m.Run("who watches sees it go and come", func(m machine) {
		m.MustShell(limit, "clarityctl start watch")
		m.says("clarityctl logs -u watch", qemu.Has("+ tcp:0.0.0.0:6379  redis-server.service  redis  "))
		m.MustShell(limit, "clarityctl stop early redis-server")
		m.says("clarityctl logs -u watch", qemu.Has("- tcp:0.0.0.0:6379  redis-server.service  redis  ", "- unix:/run/redis/redis-server.sock"))
		m.says("ls "+folder, qemu.HasNot("redis-server.env"))
		m.says("cat "+folder+"/endpoints", qemu.HasNot("redis-server"))
		m.says("clarityctl services", qemu.HasNot("6379"))
		m.says("clarityctl lookup redis-server --wait 200ms 2>&1; echo it was $?", qemu.Has("waited 200ms: no unit or protocol redis-server listens", "it was 4"))
	})
	m.Run("a unit that asks by name waits for it and finds it", func(m machine) {
		m.MustShell(limit, "clarityctl start --no-block named")
		m.says("clarityctl show named -p SubState", qemu.Has("start-pre"))
		m.MustShell(limit, "clarityctl start redis-server")
		m.says("redis-cli get found", qemu.Has("by-name"))
		m.says("clarityctl show named -p SubState -p Result", qemu.Has("SubState=dead", "Result=success"))
		m.says("clarityctl logs -u watch | grep -c '+ tcp:0.0.0.0:6379'", qemu.Has("2"))
		m.MustShell(limit, "clarityctl stop watch")
		m.says("clarityctl show watch -p Result", qemu.Has("Result=success"))
	})
	m.Run("what goes while nobody looks is not found", func(m machine) {
		m.MustShell(limit, "clarityctl stop clarity-learn; clarityctl stop redis-server")
		m.says("clarityctl services", qemu.HasNot("6379"))
		m.says("ls "+folder, qemu.Has("redis-server.env")) // nobody is there to remove it
		m.MustShell(limit, "clarityctl start clarity-learn")
		m.says("ls "+folder, qemu.HasNot("redis-server.env"))
		m.MustShell(limit, "clarityctl start redis-server; clarityctl lookup redis-server --wait 60s")
		m.says("cat "+folder+"/redis-server.env", qemu.Has("REDIS_SERVER_TCP=127.0.0.1:6379\nREDIS_SERVER_TCP_HOST=127.0.0.1\nREDIS_SERVER_TCP_PORT=6379\n"))
	})
	m.isSmall()
}

const folder = "/run/clarity/discovery"
