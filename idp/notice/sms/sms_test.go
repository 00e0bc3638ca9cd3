package sms

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/outside"
)

func TestGatewayGetsTheMessageUnderItsID(t *testing.T) {
	status, id := 202, "m1"
	var got map[string]string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]string{"id": id})
	}))
	defer s.Close()
	g := New(outside.Config{Base: s.URL, Token: "t"})
	m := notice.Message{ID: "m1", To: "+79000000001", Text: "Привет"}
	if err := g.Carry(t.Context(), m); err != nil || got["id"] != "m1" || got["to"] != m.To || got["text"] != m.Text {
		t.Errorf("Carry: %v, sent %v", err, got)
	}
	for status, refused := range map[int]bool{400: true, 422: true, 401: false, 429: false, 503: false} {
		err := New(outside.Config{Base: fails(t, status)}).Carry(t.Context(), m)
		if err == nil || errors.Is(err, notice.ErrRefused) != refused {
			t.Errorf("Carry at %d: %v, refused for good: want %v", status, err, refused)
		}
	}
	if id = "m2"; g.Carry(t.Context(), m) == nil {
		t.Error("Carry took another message's receipt for its own")
	}
}

func fails(t *testing.T, status int) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(s.Close)
	return s.URL
}
