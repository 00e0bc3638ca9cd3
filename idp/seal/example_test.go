package seal_test

import (
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/seal"
)

func Example() {
	const purposeCode, purposeAccess seal.Purpose = "code", "access"
	key, err := seal.NewKey(1, seal.UseSeal, time.Now(), time.Now())
	if err != nil {
		panic(err)
	}
	ring := seal.NewRing(time.Now, key)

	code := ring.Seal(purposeCode, []byte("grant 42"), []byte("client tax"))
	plain, err := ring.Open(purposeCode, code, []byte("client tax"))
	fmt.Printf("%s, %v\n", plain, err)
	_, err = ring.Open(purposeAccess, code, []byte("client tax"))
	fmt.Println(err)
	// Output:
	// grant 42, <nil>
	// seal: not a sealed value: invalid
}
