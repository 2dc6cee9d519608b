// Package versions keeps the mapping: its numbered versions with their author, time and text, and the bindings of
// group names to groups. It is the only code that writes them; what a document means is the business of package mapping.
//
// Start reading at versions.go. How a name finds its group stands in bind.go, what a version is in record.go, and how
// the current mapping is found without compiling it each time in current.go.
package versions
