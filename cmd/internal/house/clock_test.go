package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// The domain is handed its time: a rule that reads the machine's clock cannot be tried at a set hour,
// and in the demo it would disagree with the clock that people move.
func TestTheDomainReadsNoClock(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if l := layerOf(path); l == nil || (l.name != "domain" && l.name != "leaf") {
			continue
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && (s.Sel.Name == "Now" || s.Sel.Name == "Since" || s.Sel.Name == "Until") {
					t.Errorf("%s reads time.%s: time comes in as Now or Wall", files.Position(s.Pos()), s.Sel.Name)
				}
				return true
			})
		}
	}
}
