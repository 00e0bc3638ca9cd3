package seed

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/sqlstore"
)

// CrowdPhone is the mobile number of the nth member of a crowd.
func CrowdPhone(n int) string { return fmt.Sprintf("+791%08d", n) }

// A Crowd is many verified accounts with the seeds' password, for measurements. They are made through the
// same stores as citizens' accounts, sealed and indexed, and share one password hash.
type Crowd struct {
	Records *sqlstore.Records
	Hash    string
	Workers int // at once; on SQLite there is one writer anyway
	// Made and Stood are told of accounts as they are written or found.
	Made, Stood func(n int)
}

// crowdBatch is how many accounts one transaction writes.
const crowdBatch = 200

// Write makes sure that members 0 to total-1 exist. Interrupted, it can be run again: whole batches that
// stand are passed over.
func (c *Crowd) Write(ctx context.Context, total int) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range max(c.Workers, 1) {
		group.Go(func() error {
			for ctx.Err() == nil {
				from := int(next.Add(crowdBatch)) - crowdBatch
				if from >= total {
					return nil
				}
				if err := c.batch(ctx, from, min(from+crowdBatch, total)); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// batch writes members from..to-1 in one transaction, unless they stand. A transaction is all or nothing,
// so the last member tells of all; a batch cut short by a smaller total before is finished one by one.
func (c *Crowd) batch(ctx context.Context, from, to int) error {
	last, err := c.stands(ctx, to-1)
	if err != nil {
		return err
	}
	if last {
		c.Stood(to - from)
		return nil
	}
	for first, err := c.stands(ctx, from); first && from < to; first, err = c.stands(ctx, from) {
		if err != nil {
			return err
		}
		c.Stood(1)
		from++
	}
	accounts := make([]*account.Account, 0, to-from)
	for n := from; n < to; n++ {
		a, err := crowdMember(n).account(c.Hash)
		if err != nil {
			return err
		}
		accounts = append(accounts, a)
	}
	err = c.Records.Atomically(ctx, func(tx *sqlstore.Stores) error {
		for _, a := range accounts {
			if err := tx.CreateAccount(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		c.Made(len(accounts))
	}
	return err
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
