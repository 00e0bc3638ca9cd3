package seed

import "strconv"

// withSNILSCheck adds the check value to nine digits.
func withSNILSCheck(nine string) string {
	sum := 0
	for i, r := range nine {
		sum += int(r-'0') * (9 - i)
	}
	check := sum % 101 % 100
	return nine + string(rune('0'+check/10)) + strconv.Itoa(check%10)
}

// withINNCheck adds the two check digits of a person's INN to ten digits.
func withINNCheck(ten string) string {
	digit := func(d string, weights ...int) string {
		sum := 0
		for i, w := range weights {
			sum += int(d[i]-'0') * w
		}
		return strconv.Itoa(sum % 11 % 10)
	}
	ten += digit(ten, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
	return ten + digit(ten, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
}
