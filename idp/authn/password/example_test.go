package password_test

import (
	"fmt"

	"github.com/propusk/propusk/idp/authn/password"
)

func Example() {
	rules := password.Rules{Profile: password.Esia, Known: password.NewBlocklist()}
	fmt.Println(rules.Check("Qwerty123"))
	fmt.Println(rules.Check("Dom-Ivanovoj-77", "+79000000001", "ivanovoj@example.ru"))
	fmt.Println(rules.Check("Propusk-2026"))
	// Output:
	// [password.breached]
	// [password.personal]
	// []
}
