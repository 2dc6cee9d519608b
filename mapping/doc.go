// Package mapping turns the mapping document into answers: which account a person should have in which app, with
// which role, licence, teams and profile, why, and when that will next change.
//
// It is the pure middle of Usher. It does no I/O and reads no clock: text goes in, a *Document comes out (Parse); a
// document meets what the connected apps can do (Compile) and the groups its names are bound to (Compiled.With); and
// Mapping.Want answers for one person at one moment. What is stored of it, versions and bindings, is the business of
// mapping/versions; what follows from an answer is the business of provision.
//
// Start reading at document.go for the shape of the document, then evaluate.go for what it means. The expression
// language stands in expression.go (compile and run), typecheck.go (why an absent attribute never surprises) and
// user.go (what an expression sees).
package mapping
