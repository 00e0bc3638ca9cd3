package ui

import "time"

// OperatorShift lets an operator work in the centre's own software: its form posts act=open with partner, or act=close.
type OperatorShift struct {
	Form
	Programs []Program
	Token    string // shown once, after opening
	Running  *Shift
	Notice   string // "", closed
}

func (OperatorShift) PageName() string { return "operator-shift" }

// A Program is software of the centre.
type Program struct{ ID, Name string }

// A Shift is the operator's at a program.
type Shift struct {
	Program       string
	Opened, Until time.Time
	Bound         bool // the program has called
}
