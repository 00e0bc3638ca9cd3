package relyingparty

import (
	"crypto/rand"
	"sync"
	"time"
)

const (
	// A session lasts a working day; signing in again is one click, since the
	// provider has a session of its own.
	sessionAge = 12 * time.Hour
	// What the provider said is asked again after this long.
	recheckAfter = 5 * time.Minute
	// Beyond this without an answer from the provider nobody is let in.
	recheckLimit = 30 * time.Minute

	maxSessions = 100_000
)

// A Session is a browser that somebody signed in with at this party.
type Session struct {
	Claims Claims
	// SignedInAt is when the person came from the provider.
	SignedInAt time.Time

	id          string
	idToken     string
	accessToken string
	tokenType   string
	fromIDToken map[string]any
	checkedAt   time.Time
}

// sessions are the open ones of a party. A Session in it is never changed,
// only replaced, so that readers need no lock of their own.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	byID map[string]*Session
	// checking keeps one request at a time asking the provider about a session.
	checking map[string]*sync.Mutex
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, byID: map[string]*Session{}, checking: map[string]*sync.Mutex{}}
}

func (s *sessions) open(session *Session) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for id, old := range s.byID {
		if now.Sub(old.SignedInAt) > sessionAge || len(s.byID) >= maxSessions {
			s.drop(id)
		}
	}
	session.id = rand.Text()
	session.SignedInAt, session.checkedAt = now, now
	s.byID[session.id] = session
	return session.id
}

func (s *sessions) get(id string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[id]
	if found == nil {
		return nil
	}
	if s.now().Sub(found.SignedInAt) > sessionAge {
		s.drop(id)
		return nil
	}
	return found
}

// replace puts a re-checked session in the place of the old one, unless that
// was ended meanwhile.
func (s *sessions) replace(session *Session) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[session.id] == nil {
		return nil
	}
	s.byID[session.id] = session
	return session
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
}

// endWhere ends all sessions of a provider session, or of a person when no
// session is named, and says how many there were.
func (s *sessions) endWhere(sid, sub string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := 0
	for id, session := range s.byID {
		if sid != "" && session.Claims.SessionID != sid || sub != "" && session.Claims.Subject != sub {
			continue
		}
		s.drop(id)
		ended++
	}
	return ended
}

func (s *sessions) drop(id string) {
	delete(s.byID, id)
	delete(s.checking, id)
}

func (s *sessions) checkLock(id string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checking[id] == nil {
		s.checking[id] = &sync.Mutex{}
	}
	return s.checking[id]
}
