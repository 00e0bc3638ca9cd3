package registries

import (
	"context"
	"slices"
)

// Verdicts.
const (
	agreed   = "agreed"
	refused  = "refused"
	found    = "found"
	notFound = "not_found"
)

// An inquiry is what the provider asks; each registry reads its own part.
type inquiry struct {
	ID          string   `json:"id"`
	SNILS       string   `json:"snils"`
	FamilyName  string   `json:"family_name"`
	GivenName   string   `json:"given_name"`
	Patronymic  string   `json:"patronymic"`
	Sex         string   `json:"sex"`
	BirthDate   string   `json:"birth_date"`
	BirthPlace  string   `json:"birth_place"`
	Citizenship string   `json:"citizenship"`
	Document    Document `json:"document"`
}

// An answer is what stands in the registry's books about an inquiry.
type answer struct {
	Verdict string   `json:"verdict"`
	Fields  []string `json:"fields,omitempty"`
	INN     string   `json:"inn,omitempty"`
	Never   bool     `json:"never,omitempty"`
}

// decide gives a registry's verdict on an inquiry, as of now.
func (o *Office) decide(ctx context.Context, registry, mode string, q inquiry) (answer, error) {
	switch registry {
	case Pension:
		if mode == Refuse {
			return answer{Verdict: refused, Fields: []string{"snils"}}, nil
		}
		p, err := o.person(ctx, "snils", digits(q.SNILS))
		return pensionVerdict(p, q), err
	case Interior:
		if mode == Refuse {
			return answer{Verdict: refused, Fields: []string{"document_number"}}, nil
		}
		document := q.Document.Type + " " + documentNumber(q.Document.Number)
		p, err := o.person(ctx, "document", document)
		if err != nil {
			return answer{}, err
		}
		if gone, err := o.annulled(ctx, document); gone || err != nil {
			return answer{Verdict: refused, Fields: []string{"document_number"}}, err
		}
		return interiorVerdict(p, q), nil
	default:
		if mode == Refuse {
			return answer{Verdict: notFound}, nil
		}
		p, err := o.person(ctx, "document", q.Document.Type+" "+documentNumber(q.Document.Number))
		return taxVerdict(p, q), err
	}
}

// pensionVerdict compares with whoever has that SNILS.
func pensionVerdict(p *Person, q inquiry) answer {
	if p == nil {
		return answer{Verdict: refused, Fields: []string{"snils"}}
	}
	return verdict(p, append(differingNames(p, q), differing("sex", p.Sex, q.Sex), differing("birth_date", p.BirthDate, q.BirthDate)))
}

// interiorVerdict compares with whoever has that document. What the ministry
// has not written down (a foreign passport has no department code) it cannot deny.
func interiorVerdict(p *Person, q inquiry) answer {
	if p == nil {
		return answer{Verdict: refused, Fields: []string{"document_number"}}
	}
	fields := append(differingNames(p, q),
		differing("birth_date", p.BirthDate, q.BirthDate),
		differing("birth_place", p.BirthPlace, q.BirthPlace),
		differing("citizenship", p.Citizenship, q.Citizenship),
		differing("issued_on", p.Document.IssuedOn, q.Document.IssuedOn))
	if p.Document.Issuer != "" {
		fields = append(fields, differing("issuer", p.Document.Issuer, q.Document.Issuer))
	}
	if p.Document.DepartmentCode != "" {
		fields = append(fields, differing("department_code", digits(p.Document.DepartmentCode), digits(q.Document.DepartmentCode)))
	}
	return verdict(p, fields)
}

func taxVerdict(p *Person, q inquiry) answer {
	if p == nil || p.INN == "" {
		return answer{Verdict: notFound}
	}
	v := verdict(p, append(differingNames(p, q), differing("birth_date", p.BirthDate, q.BirthDate)))
	if v.Verdict != agreed {
		return answer{Verdict: notFound}
	}
	return answer{Verdict: found, INN: p.INN, Never: v.Never}
}

// verdict names every differing field, not only the first: people mend all at once.
func verdict(p *Person, fields []string) answer {
	fields = slices.DeleteFunc(fields, func(f string) bool { return f == "" })
	if len(fields) > 0 {
		return answer{Verdict: refused, Fields: fields}
	}
	return answer{Verdict: agreed, Never: p.NeverAnswers}
}

func differingNames(p *Person, q inquiry) []string {
	return []string{
		differing("family_name", p.FamilyName, q.FamilyName),
		differing("given_name", p.GivenName, q.GivenName),
		differing("patronymic", p.Patronymic, q.Patronymic),
	}
}

func differing(field, have, asked string) string {
	if fold(have) == fold(asked) {
		return ""
	}
	return field
}
