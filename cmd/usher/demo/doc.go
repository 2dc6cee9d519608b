// Package demo plays a week at Acme: a gateway and the stand-ins of its vendors on
// loopback, and two identity providers that push to it as Okta and Microsoft Entra do.
// It shows what came in, what Usher decided and why, and what each vendor was told,
// and at the end compares the vendors' accounts with what they must be.
//
// Nothing here is special to the demo but the story: the gateway is package gateway's,
// its decisions are read over the administrators' API, and the vendors' side comes from
// the sandbox's own state and log. Start with Run in demo.go; the story is week.go, its
// people cast.go and its mapping mapping.yaml; how the week must end is outcome.go.
package demo
