// Package suggest finds the word that a mistyped one most likely means, for error
// texts. It knows nothing of the rest. There is one function: Nearest.
package suggest
