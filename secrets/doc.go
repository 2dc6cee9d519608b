// Package secrets keeps what must not be read: the credentials of vendors and
// clients. It holds the key ring and the box that seals values at rest, the vault
// of named secrets in the store, and references such as {env: NAME} that stand
// for a secret in configuration and are resolved by the server alone.
//
// What a secret is for lives elsewhere; so do the hashes of bearer tokens, which
// need no key. Start with Value, the type that a secret has in memory, then
// Keyring, Box, Vault and Reference.
package secrets
