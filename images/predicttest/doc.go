// Package predicttest boots services that run out of something, and holds what is
// predicted of them, and what is done, to what they do.
package predicttest
