package simulators

import (
	"net/http"

	"github.com/propusk/propusk/examples/simulators/registries"
)

// apiTell puts a notice into a registry's feed: {"kind":"document_annulled","snils":"…"} of the interior
// ministry, "person_deceased" of the pension fund. An id that was given before tells the same once more.
func (w *world) apiTell(r *http.Request) (int, any, error) {
	var body struct {
		ID    string `json:"id"`
		Kind  string `json:"kind"`
		SNILS string `json:"snils"`
	}
	if err := take(r, &body); err != nil {
		return 0, nil, err
	}
	n, err := w.people.Tell(r.Context(), r.PathValue("name"), body.Kind, body.ID, body.SNILS)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, n, nil
}

// tell is the button of the page.
func (w *world) tell(rw http.ResponseWriter, r *http.Request) error {
	kind := registries.DocumentAnnulled
	if r.PathValue("name") == registries.Pension {
		kind = registries.PersonDeceased
	}
	if _, err := w.people.Tell(r.Context(), r.PathValue("name"), kind, "", r.PostFormValue("snils")); err != nil {
		return err
	}
	http.Redirect(rw, r, "/registries?told="+kind+"#people", http.StatusSeeOther)
	return nil
}
