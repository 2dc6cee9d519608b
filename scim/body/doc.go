// Package body reads the JSON of a request strictly and within bounds, before anything looks at what it means.
//
// It exists beside encoding/json because a SCIM server must refuse what that package lets pass: duplicate keys
// (also those that differ in case alone, for attribute names compare without regard to case), broken UTF-8, text
// after the value, and nesting without end. Start with Object.
package body
