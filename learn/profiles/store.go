package profiles

import "clarityos/learn/keep"

// what is in the file, for errors.
const what = "the record of profiles"

// Load reads the file at path, as keep.Load does. It always gives a book.
func Load(path string) (*Book, error) { return keep.Load(path, what, MaxSize, New, Decode) }

// Save writes a book's bytes to path, as keep.Save does.
func Save(path string, file []byte) error { return keep.Save(path, what, file) }
