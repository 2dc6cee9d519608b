// Package floor is the least that a server must do to keep a user: echo in front, bbolt
// below, JSON into a struct, one unique index, one durable write. It is what the
// benchmark measures Usher against in the same run on the same disk, so that a figure says something
// about Usher and not about the machine.
//
// Start with floor.go; commit.go shares commits as store/bolt does. It is no part of
// the product, and shares none of its code.
package floor
