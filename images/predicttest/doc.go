// Package predicttest boots an image of services that leak, and holds what is predicted
// of them, and done against it, to that.
package predicttest
