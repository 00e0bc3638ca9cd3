// Command propusk-hash computes password hashes for propusk serve, which starts it and speaks to it over its
// standard input and output. It is a program of its own because it is small: the provider's would hold 50 MiB
// before the first hash.
package main

import (
	"fmt"
	"os"

	"github.com/propusk/propusk/idp/authn/password/apart"
)

func main() {
	if err := apart.Main(); err != nil {
		fmt.Fprintln(os.Stderr, "propusk-hash:", err)
		os.Exit(1)
	}
}
