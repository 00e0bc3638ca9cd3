package claims

import (
	"cmp"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// The types of evidence.
const (
	document            = "document"
	electronicRecord    = "electronic_record"
	vouch               = "vouch"
	electronicSignature = "electronic_signature"
)

// A tree is a JSON object whose members are chosen by name. Its leaves are strings, its lists []any.
type tree = map[string]any

// A way is one way in which the data of an account was verified: by a confirmation, or by the registers alone.
type way struct {
	account.Confirmation // zero: by the registers alone
	level                account.Level
	checked              time.Time // when the registers agreed with the data as it is
	paper                *civil.Document
}

// waysOf lists the ways that a subject has, strongest first.
//
// The subject comes out of a snapshot, which keeps of a confirmation no more than tokens say; where it came
// from stands in the account. If the method was confirmed anew since, the account knows only where the new
// one came from, and nothing is said of the old one's.
func waysOf(a *account.Account, subject account.Assurance) []way {
	base := way{level: subject.Level, checked: a.Profile.Checked}
	if subject.Level == account.Standard {
		base.At = a.Profile.Checked
		return []way{base}
	}
	var out []way
	for _, c := range subject.Confirmations {
		w := base
		w.Confirmation = account.Confirmation{ID: c.ID, Method: c.Method, At: c.At}
		for _, known := range a.Confirmations {
			if known.ID == c.ID && known.Live() {
				w.Confirmation = known
			}
		}
		// Data that agreed after the visit may name another document than the one that lay on the desk.
		if !w.checked.After(w.At) {
			w.paper = a.Profile.Person.Document
		}
		out = append(out, w)
	}
	return out
}

// tree is all that can be said of the way: a whole verification element of the schema.
func (w *way) tree() tree {
	process := tree{"policy": TrustFramework}
	v := tree{"trust_framework": TrustFramework, "assurance_level": w.level.String(), "assurance_process": process, "time": stamp(w.At)}
	if w.ID != "" {
		v["verification_process"] = "vp-" + w.ID
	}
	var evidence []any
	switch w.Method {
	case account.ServiceCenter:
		process["procedure"] = "in_person"
		process["assurance_details"] = []any{
			tree{"assurance_type": "evidence_validation", "assurance_classification": "strong", "evidence_ref": []any{
				tree{"check_id": "c1"}, tree{"check_id": "c3"}, tree{"check_id": "c4"}}},
			tree{"assurance_type": "verification", "assurance_classification": "in_person", "evidence_ref": []any{tree{"check_id": "c2"}}},
		}
		by := ""
		if w.Centre != "" {
			by = "Service centre " + w.Centre
		}
		seen := tree{"type": document, "check_details": []any{check("c1", "vpip", by, w.At), check("c2", "pvp", by, w.At)}}
		if w.paper != nil {
			seen["document_details"] = details(w.paper)
		}
		evidence = []any{seen, w.registers("c3", "c4")}
	case account.MailCode:
		process["procedure"] = "registered_letter"
		letter := tree{"type": "written_attestation", "voucher": tree{"organization": post, "country_code": "RUS"}}
		if w.Track != "" {
			letter["reference_number"] = w.Track
		}
		evidence = []any{
			w.registers("c1", "c2"),
			tree{"type": vouch, "attestation": letter, "check_details": []any{
				check("c3", "pvp", post, time.Time{}), check("c4", "token", TrustFramework, w.At)}},
		}
	case account.Bank:
		process["procedure"] = "bank"
		record := tree{"type": "bank_account"}
		if w.Organization != "" {
			record["source"] = tree{"name": w.Organization, "country_code": "RUS"}
		}
		evidence = []any{
			tree{"type": electronicRecord, "record": record, "check_details": []any{check("c1", "auth", w.Organization, w.At)}},
			w.registers("c2", "c3"),
		}
	case account.QualifiedSignature:
		process["procedure"] = "qualified_signature"
		evidence = w.signed("ru_qualified_" + cmp.Or(w.Algorithm, "gost2012"))
	case account.ElectronicCard:
		process["procedure"] = "electronic_card"
		evidence = w.signed("ru_electronic_card")
	default:
		process["procedure"] = "register_check"
		evidence = []any{w.registers("c1", "c2")}
	}
	if len(evidence) > 0 {
		v["evidence"] = evidence
	}
	return v
}

const post = "Pochta Rossii"

// registers is the evidence that every way rests on: both registers agreed with the data. The tax register
// only adds a number, and is no evidence of anybody.
func (w *way) registers(interior, pension string) tree {
	return tree{
		"type": electronicRecord,
		"check_details": []any{
			check(interior, "data", "MVD", w.checked), check(pension, "data", "Social Fund", w.checked)},
		"record": tree{"type": "population_register", "source": tree{"name": "MVD", "country_code": "RUS"}},
	}
}

// signed is the evidence of a signature. The schema demands issuer and serial number; what lacks them is no
// evidence.
func (w *way) signed(kind string) []any {
	if w.Organization == "" || w.Serial == "" {
		return nil
	}
	return []any{tree{
		"type": electronicSignature, "signature_type": kind, "issuer": w.Organization, "serial_number": w.Serial, "created_at": stamp(w.At),
	}}
}

func check(id, method, by string, at time.Time) tree {
	c := tree{"check_id": id, "check_method": method}
	if by != "" {
		c["organization"] = by
	}
	if !at.IsZero() {
		c["time"] = stamp(at)
	}
	return c
}

// details describe a document in the foundation's words: the internal passport is a state identity card,
// since nobody travels with it.
func details(d *civil.Document) tree {
	kinds := map[civil.DocumentType]string{civil.RuPassport: "idcard", civil.ForeignPassport: "passport", civil.ResidencePermit: "residence_permit"}
	t := tree{"type": kinds[d.Type]}
	if d.Number != "" {
		t["document_number"] = d.Number
	}
	if !d.IssuedOn.IsZero() {
		t["date_of_issuance"] = d.IssuedOn.String()
	}
	if !d.ExpiresOn.IsZero() {
		t["date_of_expiry"] = d.ExpiresOn.String()
	}
	issuer := tree{}
	if d.Issuer != "" {
		issuer["name"] = d.Issuer
	}
	if d.Type != civil.ForeignPassport {
		issuer["country_code"] = "RUS"
	}
	if d.DepartmentCode != "" {
		issuer["jurisdiction"] = d.DepartmentCode
	}
	if len(issuer) > 0 {
		t["issuer"] = issuer
	}
	return t
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
