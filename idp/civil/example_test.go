package civil_test

import (
	"fmt"

	"github.com/propusk/propusk/idp/civil"
)

func Example() {
	n, err := civil.ParseSNILS("112\u00a0233–445 95")
	fmt.Println(n, err)
	fmt.Println(n.Format(), n.Mask(), n.MaskPage())
	_, err = civil.ParseSNILS("112-233-445 96")
	fmt.Println(civil.CodeOf(err))
	p, _ := civil.ParsePhone("8 (900) 000-00-01")
	fmt.Println(p, p.Format(), p.Mask(), p.MaskPage())
	e, _ := civil.ParseEmail(" Ivan@Почта.РФ ")
	fmt.Println(e, e.Format(), e.Mask(), e.MaskPage())
	c, _ := civil.ParseLetterCode("оооо-0000 ооо")
	fmt.Println(c.Format())
	// Output:
	// 11223344595 <nil>
	// 112-233-445 95 112-***-*** ** •••-•••-445 95
	// snils.check
	// +79000000001 +7 900 000-00-01 +7 *** ***-**-01 +7 ••• •••-00-01
	// Ivan@xn--80a1acny.xn--p1ai Ivan@почта.рф I***@xn--80a1acny.xn--p1ai I•••@почта.рф
	// 0000-0000-000
}
