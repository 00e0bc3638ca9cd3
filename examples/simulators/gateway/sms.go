package gateway

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"
)

// Mount adds the SMS gateway's HTTP API.
func (o *Outbox) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /sms/v1/messages", o.sms)
}

func (o *Outbox) sms(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID   string `json:"id"`
		To   string `json:"to"`
		Text string `json:"text"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&m)
	if err != nil || m.ID == "" || len(m.ID) > 200 || m.Text == "" || utf8.RuneCountInString(m.Text) > 2000 || len(Recipient(m.To)) < 8 {
		reply(w, http.StatusBadRequest, map[string]string{"error": "a message needs id, to and text"})
		return
	}
	if err := o.Deliver(r.Context(), Message{ID: m.ID, Channel: SMS, To: m.To, Text: m.Text}); err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
		return
	}
	reply(w, http.StatusAccepted, map[string]string{"id": m.ID})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
