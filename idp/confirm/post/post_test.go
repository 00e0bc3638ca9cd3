package post

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/outside"
)

// office answers every call with one status and body, and keeps what was posted.
func office(t *testing.T, status int, body string) (*Office, *map[string]any) {
	t.Helper()
	got := &map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(got)
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return New(outside.Config{Base: s.URL}), got
}

var parcelOf = confirm.Parcel{ID: "l1", Name: "Ёлкина Анна", Phone: "+79000000001", PDF: []byte("%PDF-1.3"),
	Address: civil.Address{PostalCode: "119180", Region: "г. Москва", Locality: "Москва", House: "30"}}

func TestLetterTravelsWithItsAddressAndPDF(t *testing.T) {
	for _, status := range []int{201, 200} {
		o, got := office(t, status, `{"id":"l1","track":"80081234567890","status":"accepted"}`)
		track, err := o.Send(t.Context(), parcelOf)
		if err != nil || track != "80081234567890" {
			t.Fatalf("Send: %q, %v", track, err)
		}
		to := (*got)["to"].(map[string]any)
		pdf, _ := base64.StdEncoding.DecodeString((*got)["pdf"].(string))
		if to["phone"] != "+79000000001" || to["address"].(map[string]any)["postal_code"] != "119180" || string(pdf) != "%PDF-1.3" {
			t.Errorf("sent %v", *got)
		}
	}
}

func TestReceiptThatIsNoneIsNotTaken(t *testing.T) {
	for _, body := range []string{`{"id":"l2","track":"80081234567890"}`, `{"id":"l1","track":"800"}`, `{"id":"l1","track":"8008123456789X"}`, `[]`, ``} {
		o, _ := office(t, 201, body)
		if _, err := o.Send(t.Context(), parcelOf); outside.CodeOf(err) != outside.Incoherent {
			t.Errorf("Send with %s: %v", body, err)
		}
	}
}

func TestTrackingIsReadStrictly(t *testing.T) {
	o, _ := office(t, 200, `{"id":"l1","track":"80081234567890","status":"in_transit","events":[{"status":"accepted","at":"2026-11-21T09:00:00Z","place":"Москва"}]}`)
	status, events, err := o.Follow(t.Context(), "l1")
	if err != nil || status != confirm.InTransit || len(events) != 1 || events[0].Place != "Москва" {
		t.Errorf("Follow: %s, %v, %v", status, events, err)
	}
	for _, body := range []string{`{"id":"l2","status":"arrived"}`, `{"id":"l1","status":"eaten"}`, `{"id":"l1","status":"ordered"}`,
		`{"id":"l1","status":"arrived","events":[{"status":"x"}]}`, `{"id":"l1","status":"arrived","events":[{"status":"arrived","place":"` + strings.Repeat("x", 201) + `"}]}`} {
		o, _ := office(t, 200, body)
		if _, _, err := o.Follow(t.Context(), "l1"); outside.CodeOf(err) != outside.Incoherent {
			t.Errorf("Follow with %.60s: %v", body, err)
		}
	}
	o, _ = office(t, 404, ``)
	if _, _, err := o.Follow(t.Context(), "l1"); !errors.Is(err, fault.NotFound) {
		t.Errorf("an unknown letter: %v", err)
	}
}
