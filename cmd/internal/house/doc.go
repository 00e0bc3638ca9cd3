// Package house holds the tests that keep the house in order: which package may import which, and what
// the domain must not know.
package house
