package provision

import "github.com/usher-scim/usher/store"

// PutAccount puts an account into the ledger as if the engine had made it, for benchmarks that need many.
func PutAccount(tx store.Tx, a *Account) error { return accounts.Put(tx, a) }
