// Package config holds the settings of the process: where it listens, where its
// data lies, how it logs. They come from one strict YAML file, from USHER_*
// variables and from flags, and every one of them has a default.
//
// What the program does with people and apps is not configured here: that is the mapping
// document and the connections, which live in the store. Start with settings.go, the
// table of all settings; docs/configuration.md is checked against it.
package config
