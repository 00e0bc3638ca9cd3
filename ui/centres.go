package ui

// Centres is the directory of service centres: open to all, searched by town.
type Centres struct {
	Query    string
	Service  string // one of Services; "" any
	Services []string
	Towns    []string // to choose from while typing
	Found    []CentreCard
	All      int // how many there are, found or not
	Map      *CentreMap
	OnMap    bool // the page of the map
	ListURL  string
	MapURL   string
}

// PageName names the templates.
func (Centres) PageName() string { return "centres" }

// A CentreCard is a centre in the directory.
type CentreCard struct {
	Number int // on the map; 0: not on it
	ID     string
	Centre
	Town     string
	Services []string
	Ramp     bool
}
