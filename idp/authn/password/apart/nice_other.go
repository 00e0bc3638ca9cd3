//go:build !linux

package apart

// stepBack does nothing here: only Linux was measured.
func stepBack() {}
