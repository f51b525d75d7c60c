package dbus

import "time"

// bucket bounds what is done: at most `most` at once, and `rate` a second from then on.
type bucket struct {
	most, rate float64
	used       float64
	at         time.Duration
}

// take takes n, and says whether there was room for that: if not there is none left.
func (b *bucket) take(now time.Duration, n float64) bool {
	b.used, b.at = max(0, b.used-b.rate*(now-b.at).Seconds()), now
	fits := b.used+n <= b.most
	b.used = min(b.most, b.used+n)
	return fits
}

// half is how long it takes from now until half of the room is free.
func (b *bucket) half(now time.Duration) time.Duration {
	return time.Duration((b.used-b.most/2)/b.rate*float64(time.Second)) - (now - b.at)
}
