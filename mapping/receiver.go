package mapping

// receiver is a compiled `to` or `else` of a Transfer.
type receiver struct{}
