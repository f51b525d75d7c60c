package workload

// lcg draws numbers that are the same in any program that counts like it: the
// linear congruential generator modulo 2^64 with Knuth's multiplier for MMIX
// (The Art of Computer Programming, volume 2, section 3.3.4).
type lcg uint64

// below gives the next number, at least 0 and less than n.
func (x *lcg) below(n int) int {
	*x = *x*6364136223846793005 + 1442695040888963407
	return int(uint64(*x>>33) % uint64(n))
}
