package post

import (
	"encoding/json"
	"errors"
	"net/http"
)

// A letter is a page or two; a scan of a whole file is refused.
const maxLetter = 8 << 20

// Mount adds the post's HTTP API.
func (o *Office) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /post/v1/letters", o.accept)
	mux.HandleFunc("GET /post/v1/letters/{id}", o.track)
}

func (o *Office) accept(w http.ResponseWriter, r *http.Request) {
	var order struct {
		ID  string    `json:"id"`
		To  Addressee `json:"to"`
		PDF []byte    `json:"pdf"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLetter)).Decode(&order)
	switch {
	case err != nil || order.ID == "" || len(order.ID) > 200:
		reply(w, http.StatusBadRequest, map[string]string{"error": "not a letter with an id"})
		return
	case len(order.PDF) < 5 || string(order.PDF[:5]) != "%PDF-":
		reply(w, http.StatusUnprocessableEntity, map[string]string{"error": "pdf is not a PDF"})
		return
	case order.To.Name == "" || order.To.Address.PostalCode == "" || order.To.Address.Locality == "" && order.To.Address.Region == "":
		reply(w, http.StatusUnprocessableEntity, map[string]string{"error": "to lacks a name or an address"})
		return
	}
	l, repeated, err := o.Accept(r.Context(), order.ID, order.To, order.PDF)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
		return
	}
	status := http.StatusCreated
	if repeated {
		status = http.StatusOK
	}
	reply(w, status, map[string]any{"id": l.ID, "track": l.Track, "status": l.Events[0].Status})
}

func (o *Office) track(w http.ResponseWriter, r *http.Request) {
	l, err := o.Letter(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, ErrUnknown):
		reply(w, http.StatusNotFound, map[string]string{"error": "unknown id"})
	case err != nil:
		reply(w, http.StatusInternalServerError, map[string]string{"error": "internal"})
	default:
		reply(w, http.StatusOK, map[string]any{"id": l.ID, "track": l.Track, "status": l.Status(), "events": l.Events})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
