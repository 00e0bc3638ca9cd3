package pension

import (
	"testing"

	"github.com/propusk/propusk/examples/relyingparty"
)

func TestPensionFundTakesEveryVerifiedPerson(t *testing.T) {
	for _, c := range []struct {
		rank   int
		method string
		want   string
	}{
		{0, "", relyingparty.LevelTooLow},
		{1, "", relyingparty.LevelTooLow},
		{2, "", relyingparty.LevelTooLow},
		{3, "mail_code", ""},
		{3, "bank", ""},
		{3, "service_center", ""},
	} {
		got := Judge(relyingparty.Claims{Rank: c.rank, Confirmations: []relyingparty.Confirmation{{Method: c.method}}})
		if got.Reason != c.want || got.Allowed != (c.want == "") {
			t.Errorf("Judge(rank %d, %s) = %+v, want reason %q", c.rank, c.method, got, c.want)
		}
	}
}
