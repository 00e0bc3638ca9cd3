package seed

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/sqlstore"
)

// CrowdPhone is the mobile number of the nth member of a crowd.
func CrowdPhone(n int) string { return fmt.Sprintf("+791%08d", n) }

// A Crowd is many verified accounts with the seeds' password, for measurements. They are sealed and
// indexed as citizens' accounts are, and share one password hash.
type Crowd struct {
	Records *sqlstore.Records
	Hash    string
	// Made and Stood are told of accounts as they are written or found.
	Made, Stood func(n int)
}

const (
	// crowdWindow is how far from the first missing member others may stand or be missing after an
	// interruption: Records.Seed writes batches of 20,000 nearly in their order.
	crowdWindow = 60_000
	crowdBatch  = 500 // how many accounts one transaction of a repair writes
)

// Write makes sure that members 0 to total-1 exist. Interrupted, it can be run again.
func (c *Crowd) Write(ctx context.Context, total int) error {
	var failed error
	first := sort.Search(total, func(n int) bool {
		if failed != nil {
			return true
		}
		stands, err := c.stands(ctx, n)
		failed = err
		return !stands
	})
	if failed != nil {
		return failed
	}
	from, to := max(0, first-crowdWindow), min(total, first+crowdWindow)
	if first == 0 { // most likely an empty database
		err := c.fill(ctx, 0, total)
		if !errors.Is(err, fault.Exists) {
			return err
		}
	}
	c.Stood(from)
	if err := c.repair(ctx, from, to); err != nil {
		return err
	}
	return c.fill(ctx, to, total)
}

// fill writes members who are known to be missing, fast.
func (c *Crowd) fill(ctx context.Context, from, to int) error {
	if from >= to {
		return nil
	}
	told := 0
	return c.Records.Seed(ctx, to-from, func(i int) *account.Account { return c.member(from + i) }, func(done, _ int) {
		c.Made(done - told)
		told = done
	})
}

// repair looks for every member and writes the missing ones.
func (c *Crowd) repair(ctx context.Context, from, to int) error {
	var missing []*account.Account
	flush := func() error {
		err := c.Records.Atomically(ctx, func(tx *sqlstore.Stores) error {
			for _, a := range missing {
				if err := tx.CreateAccount(ctx, a); err != nil {
					return err
				}
			}
			return nil
		})
		c.Made(len(missing))
		missing = missing[:0]
		return err
	}
	for n := from; n < to; n++ {
		stands, err := c.stands(ctx, n)
		switch {
		case err != nil:
			return err
		case stands:
			c.Stood(1)
			continue
		}
		if missing = append(missing, c.member(n)); len(missing) == crowdBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// member is an account that nothing can be wrong with: a test walks through the arithmetic.
func (c *Crowd) member(n int) *account.Account {
	a, err := crowdMember(n).account(c.Hash)
	if err != nil {
		panic(err)
	}
	return a
}

func (c *Crowd) stands(ctx context.Context, n int) (bool, error) {
	_, err := c.Records.FindAccount(ctx, account.ByPhone, CrowdPhone(n))
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

var (
	crowdFamilies = []string{"Лесников", "Полянский", "Озеров", "Луговой", "Степнов", "Боровой", "Горный", "Речкин"}
	crowdGiven    = []string{"Андрей", "Борис", "Виктор", "Глеб", "Денис", "Егор", "Захар", "Иван"}
)

// crowdMember is invented, and right in every digit.
func crowdMember(n int) Person {
	p := &parser{}
	born := civil.MustDate(1990+n%9, time.Month(1+n/9%12), 1+n/108%28)
	out := Person{
		Number: n, Phone: parse(p, civil.ParsePhone, CrowdPhone(n)), Email: parse(p, civil.ParseEmail, fmt.Sprintf("c%d@example.org", n)),
		Level: account.Verified, Methods: []account.Method{account.ServiceCenter},
		Person: account.Person{
			FamilyName: parse(p, civil.ParseName, crowdFamilies[n%8]), GivenName: parse(p, civil.ParseName, crowdGiven[n/8%8]),
			Patronymic: parse(p, civil.ParseName, "Петрович"), Sex: civil.Male, BirthDate: born, BirthPlace: "гор. Заречный",
			Citizenship: parse(p, civil.ParseCountry, "RUS"), SNILS: parse(p, civil.ParseSNILS, withSNILSCheck(fmt.Sprintf("1%08d", n))),
			INN: parse(p, civil.ParseINN, withINNCheck(fmt.Sprintf("77%08d", n))),
			Document: &civil.Document{
				Type: civil.RuPassport, Number: fmt.Sprintf("88%08d", n), IssuedOn: born.AddYears(20).AddDays(30),
				Issuer: "Отделом УМВД России по гор. Заречному", DepartmentCode: "770-001",
			},
		},
		Address: civil.Address{PostalCode: "170001", Region: "Заречная область", Locality: "гор. Заречный", Street: "ул. Садовая", House: "1"},
	}
	if p.err != nil {
		panic(p.err) // every member is made by the same arithmetic, which a test walks through
	}
	return out
}
