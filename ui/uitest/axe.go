package uitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// AxeVariable names the environment variable in which make test hands over the path of axe-core's script.
const AxeVariable = "PROPUSK_TEST_AXE"

// ErrNoAxe says that there is no axe-core here.
var ErrNoAxe = errors.New("axe-core was not provided: make test fetches it with npm")

// An Axe measures pages by the rules of WCAG 2.2 AA in a real browser.
type Axe struct{ script string }

// LoadAxe reads the script that make test provides, or fails with ErrNoAxe.
func LoadAxe() (*Axe, error) {
	path := os.Getenv(AxeVariable)
	if path == "" {
		return nil, ErrNoAxe
	}
	script, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("uitest: %w", err)
	}
	return &Axe{string(script)}, nil
}

// Script is what a page must run before Ask, outside the page's own content policy: through the browser's
// debugging protocol.
func (a *Axe) Script() string { return a.script + "\n;''" }

// Ask is an expression that promises the answer for Violations.
const Ask = `axe.run(document, {
	runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa']},
	resultTypes: ['violations'], preload: false,
}).then(r => JSON.stringify({
	passed: r.passes.length,
	violations: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => ({
		where: n.target.join(' '), html: n.html.slice(0, 160),
		why: n.any.concat(n.all, n.none).map(c => c.message).join('; '),
	}))})),
}))`

// Violations reads the answer: a line for each element that breaks a rule. An answer in which no rule was
// met either is an error, since then nothing was measured.
func Violations(answer string) ([]string, error) {
	var r struct {
		Passed     int
		Violations []struct {
			ID, Help string
			Nodes    []struct{ Where, HTML, Why string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		return nil, fmt.Errorf("uitest: axe's answer: %w", err)
	}
	if r.Passed == 0 {
		return nil, errors.New("uitest: axe found no rule that applies")
	}
	var lines []string
	for _, v := range r.Violations {
		for _, n := range v.Nodes {
			lines = append(lines, fmt.Sprintf("%s: %s: %s\n\t%s\n\t%s", v.ID, v.Help, n.Where, strings.Join(strings.Fields(n.HTML), " "), n.Why))
		}
	}
	return lines, nil
}
