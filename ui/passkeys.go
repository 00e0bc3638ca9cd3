package ui

import (
	"strings"
	"time"
)

// A PasskeyForm is a question for a key: a script shows its button, asks the browser and posts what the key said as
// "answer". Without the script, or in a browser without keys, the form stays hidden and says so where nothing else would.
type PasskeyForm struct {
	Action  string
	Options string // the question in JSON; "" means there is none
	Alone   bool   // there is no other way on this page
	New     bool   // the question is for a key that does not exist yet
}

// Question is the question as it stands on the page: two braces never touch, so that a template that was not
// filled in cannot hide behind one.
func (p PasskeyForm) Question() string {
	return strings.NewReplacer("{{", "{ {", "}}", "} }").Replace(strings.ReplaceAll(p.Options, "}}}", "} } }"))
}

// OperatorKeys are the keys that a member of staff signs in with, and the form for another.
type OperatorKeys struct {
	Form
	Keys     []Passkey
	App      bool   // an app is connected: its code is asked
	Possible bool   // browsers give keys to this address
	Full     bool   // no more can be added
	Name     string // of the new key, as typed
	Username string
	Notice   string // "", added, removed
}

func (OperatorKeys) PageName() string { return "operator-keys" }

// A Passkey is one of them.
type Passkey struct {
	Name     string
	Since    time.Time
	Used     time.Time // zero: never
	Synced   bool      // copied to other devices by its maker's cloud
	Doubted  time.Time // closed, because there may be a copy
	RemoveTo string
}

// OperatorKeyNew asks for the new key's first answer.
type OperatorKeyNew struct {
	Form // its faults
	Key  PasskeyForm
	Name string
}

func (OperatorKeyNew) PageName() string { return "operator-key-new" }

// OperatorKeyRemove asks again before a key is removed.
type OperatorKeyRemove struct {
	Form
	Key      Passkey
	App      bool
	Username string
}

func (OperatorKeyRemove) PageName() string { return "operator-key-remove" }
