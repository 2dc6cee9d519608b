package lawtest

// Module is the path that our own imports begin with.
const Module = "github.com/usher-scim/usher"

// Room is one row of the law. Patterns are folders below the module's root; one
// that ends in "/..." means the folder and all below it, and "/*" one level below.
type Room struct {
	// Folder is the package, or the packages, that the row is about. Where several rows match, the longest counts.
	Folder string
	// Knows lists what its files may import of ours. A package may always import itself, in its external tests.
	Knows []string
	// Tests lists what its test files may import besides.
	Tests []string
}

// everything is what the binary and its like may know: all but other binaries.
var everything = []string{"alerts", "config", "store/...", "audit/...", "secrets/...", "directory/...", "scim/...", "mapping/...",
	"connections", "provision/...", "adapters/...", "sources/...", "admin/...", "sandbox/...", "internal/..."}

// realStore is what a test may put under a package that keeps something.
var realStore = []string{"store", "store/bolt", "store/memory", "store/storetest"}

// Rooms is the law, as docs/architecture.md draws it: arrows run one way, nothing
// imports a binary, sibling adapters do not know each other, and the sandbox, being
// the other side, knows nothing of ours.
var Rooms = []Room{
	{Folder: "cmd/...", Knows: append([]string{"cmd/usher/..."}, everything...)},
	{Folder: "bench/...", Knows: append([]string{"bench/..."}, everything...)},

	{Folder: "config", Knows: []string{"internal/suggest"}},
	{Folder: "store", Tests: realStore},
	{Folder: "store/*", Knows: []string{"store"}, Tests: realStore},
	{Folder: "store/storetest", Knows: []string{"store", "store/bolt"}},
	{Folder: "audit/...", Knows: []string{"store"}, Tests: realStore},
	{Folder: "secrets/...", Knows: []string{"store"}, Tests: realStore},
	{Folder: "directory/...", Knows: []string{"store", "audit"}, Tests: realStore},
	{Folder: "scim", Knows: []string{"directory", "scim/*"}, Tests: append([]string{"audit"}, realStore...)},
	{Folder: "scim/*", Knows: []string{"directory", "scim/*"}, Tests: append([]string{"scim", "audit"}, realStore...)},

	{Folder: "mapping", Knows: []string{"directory", "internal/suggest"}},
	{Folder: "mapping/versions", Knows: []string{"store", "audit", "directory", "mapping"}, Tests: realStore},

	{Folder: "adapters", Knows: []string{"internal/suggest"}},
	{Folder: "adapters/*", Knows: []string{"adapters", "adapters/vendorhttp"}, Tests: []string{"adapters/adaptertest", "sandbox/..."}},
	{Folder: "adapters/adaptertest", Knows: []string{"adapters", "adapters/vendorhttp"}, Tests: []string{"sandbox/..."}},
	{Folder: "adapters/registry", Knows: []string{"adapters", "adapters/*"}},

	{Folder: "connections", Knows: []string{"store", "audit", "secrets", "adapters", "adapters/registry"}, Tests: realStore},
	{Folder: "provision/...", Knows: []string{"provision/...", "directory", "mapping/...", "adapters", "store", "audit"}, Tests: append([]string{"sandbox/...", "adapters/*"}, realStore...)},
	{Folder: "alerts", Knows: []string{"store", "audit", "secrets"}, Tests: realStore},
	{Folder: "provision/simtest/...", Knows: []string{"provision/...", "directory", "mapping/...", "adapters", "adapters/*", "store", "store/memory", "audit", "sandbox/..."}},
	{Folder: "sources/...", Knows: []string{"sources/...", "directory"}, Tests: realStore},
	{Folder: "admin/...", Knows: []string{"admin/...", "alerts", "config", "connections", "store", "audit", "secrets", "directory", "scim", "mapping/...", "adapters", "adapters/registry", "provision/...", "sources/..."}, Tests: append([]string{"adapters/*", "sandbox/..."}, realStore...)},

	{Folder: "sandbox/...", Knows: []string{"sandbox/..."}},
	{Folder: "internal/lawtest"},
	{Folder: "internal/suggest"},
}
