package voting

import "sync"

// A Choice is for or against.
type Choice string

// The two choices.
const (
	For     Choice = "for"
	Against Choice = "against"
)

// A Tally is what stands on an initiative, and what the person asking chose.
type Tally struct {
	For     int
	Against int
	Mine    Choice
}

// box holds the votes while the site runs. The provider gives every person one
// subject here, so one vote a subject is one vote a person.
type box struct {
	mu    sync.Mutex
	votes map[string]map[string]Choice // by initiative, by subject
}

func newBox() *box { return &box{votes: map[string]map[string]Choice{}} }

// cast counts a vote unless the person has voted before.
func (b *box) cast(initiative, subject string, c Choice) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.votes[initiative] == nil {
		b.votes[initiative] = map[string]Choice{}
	}
	if _, voted := b.votes[initiative][subject]; voted {
		return false
	}
	b.votes[initiative][subject] = c
	return true
}

func (b *box) tally(initiative, subject string) Tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	var t Tally
	for _, c := range b.votes[initiative] {
		if c == For {
			t.For++
		} else {
			t.Against++
		}
	}
	t.Mine = b.votes[initiative][subject]
	return t
}
