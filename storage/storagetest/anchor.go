package storagetest

import (
	"testing"
	"time"

	"github.com/propusk/propusk/idp/certificate"
)

func anchors(t *testing.T, s *Stores) {
	ctx := t.Context()
	_, err := s.Anchor(ctx, "unknown")
	absent(t, "Anchor", err)
	a := &certificate.Anchor{
		ID: certificate.Fingerprint([]byte{0, 255, 10}), Name: "Головной удостоверяющий центр", DER: []byte{0, 255, 10},
		From: s.Clock.Now().UTC(), Until: s.Clock.Now().Add(time.Hour).UTC(), CRLs: []string{"http://ca.example/list.crl"},
		OCSP: []string{"http://ca.example/ocsp"}, Follow: true, Failure: certificate.Soft, Added: s.Clock.Now().UTC(),
	}
	ok(t, "SaveAnchor", s.SaveAnchor(ctx, a))
	got, err := s.Anchor(ctx, a.ID)
	ok(t, "Anchor", err)
	same(t, "anchor", got, a)
	a.Until, a.Name = time.Time{}, "Другое имя"
	ok(t, "SaveAnchor again", s.SaveAnchor(ctx, a))
	all, err := s.Anchors(ctx)
	if err != nil || len(all) != 1 || all[0].Name != a.Name || !all[0].Until.IsZero() {
		t.Errorf("Anchors: got %v, %v; want the changed one", all, err)
	}
	ok(t, "DeleteAnchor", s.DeleteAnchor(ctx, a.ID))
	absent(t, "DeleteAnchor again", s.DeleteAnchor(ctx, a.ID))
}
