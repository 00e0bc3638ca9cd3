package portal

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/site"
)

// A Catalogue is everything that can be had at the portal.
type Catalogue struct {
	Categories []Category `json:"categories"`
	Services   []Service  `json:"services"`
}

// A Category is a part of life that services belong to.
type Category struct {
	ID   string    `json:"id"`
	Name site.Text `json:"name"`
}

// A Service is one thing that an authority does for people.
type Service struct {
	ID        string    `json:"id"`
	Category  string    `json:"category"`
	Name      site.Text `json:"name"`
	Text      site.Text `json:"text"`
	Authority site.Text `json:"authority"`
	// Needs is the lowest account level: simplified, standard, verified.
	Needs   string    `json:"level"`
	Cost    site.Text `json:"cost"`
	Term    site.Text `json:"term"`
	Popular bool      `json:"popular"`
}

var ranks = map[string]int{
	"simplified": relyingparty.RankSimplified, "standard": relyingparty.RankStandard, "verified": relyingparty.RankVerified,
}

// Rank is the rank of the level that the service needs.
func (s Service) Rank() int { return ranks[s.Needs] }

func readCatalogue() (Catalogue, error) {
	var c Catalogue
	data, err := files.ReadFile("catalogue.json")
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, fmt.Errorf("catalogue: %w", err)
	}
	for _, s := range c.Services {
		if s.Rank() == 0 {
			return c, fmt.Errorf("catalogue: service %s has no level", s.ID)
		}
	}
	return c, nil
}

// Find gives the service with an id.
func (c Catalogue) Find(id string) (Service, bool) {
	for _, s := range c.Services {
		if s.ID == id {
			return s, true
		}
	}
	return Service{}, false
}

// Search gives the services in whose name, text or authority every word of the
// query begins some word, in either language.
func (c Catalogue) Search(query string) []Service {
	var found []Service
	wanted := terms(query)
	for i, w := range wanted {
		// Endings of Russian words are left off: "паспорта" finds "паспорт".
		if letters := []rune(w); len(letters) > 4 && letters[0] >= 'а' {
			wanted[i] = string(letters[:len(letters)-1-len(letters)/7])
		}
	}
	for _, s := range c.Services {
		have := terms(strings.Join([]string{s.Name.RU, s.Name.EN, s.Text.RU, s.Text.EN, s.Authority.RU, s.Authority.EN}, " "))
		if len(wanted) > 0 && everyBegins(wanted, have) {
			found = append(found, s)
		}
	}
	return found
}

func everyBegins(wanted, have []string) bool {
	for _, w := range wanted {
		begun := false
		for _, h := range have {
			begun = begun || strings.HasPrefix(h, w)
		}
		if !begun {
			return false
		}
	}
	return true
}

// terms cuts text into words to compare.
func terms(text string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(strings.ToLower(text), "ё", "е"), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
