package ui

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"text/template/parse"
)

// constants says what a call with these constant arguments always gives in one language and page. ok is
// false for what is not constant.
type constants func(name string, args []string) (text string, ok bool, err error)

// constants of a page; without one, keys that begin with a dot wait for it.
func (r *Renderer) constants(s *speaker, page string) constants {
	return func(name string, args []string) (string, bool, error) {
		switch {
		case name == "lang" && len(args) == 0:
			return s.lang, true, nil
		case name == "asset" && len(args) == 1:
			text, err := r.assets.URL(args[0])
			return text, true, err
		case name == "t" && len(args) == 1:
			key := args[0]
			if strings.HasPrefix(key, ".") {
				if page == "" {
					return "", false, nil
				}
				key = page + key
			}
			text, err := s.say(key)
			return text, true, err
		}
		return "", false, nil
	}
}

// fold writes into the templates what never changes: most of a page is sentences, and looking each up anew
// was a third of the allocations of showing one. It comes before the first execution, so that html/template judges the
// result; the sentences are escaped, which serves text and quoted attributes, and our templates put
// sentences nowhere else.
func fold(t *template.Template, c constants) error {
	for _, part := range t.Templates() {
		if part.Tree == nil || part.Tree.Root == nil {
			continue
		}
		if err := foldList(part.Tree.Root, c); err != nil {
			return fmt.Errorf("ui: %s: %w", part.Name(), err)
		}
	}
	return nil
}

func foldList(l *parse.ListNode, c constants) error {
	if l == nil {
		return nil
	}
	var out []parse.Node
	for _, n := range l.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.ActionNode:
			var text string
			var ok bool
			if text, ok, err = constant(n.Pipe, c); ok && err == nil {
				out = append(out, &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(template.HTMLEscapeString(text))})
				continue
			}
		case *parse.IfNode:
			err = foldBranch(&n.BranchNode, c)
		case *parse.WithNode:
			err = foldBranch(&n.BranchNode, c)
		case *parse.RangeNode:
			err = foldBranch(&n.BranchNode, c)
		}
		if err != nil {
			return err
		}
		out = append(out, n)
	}
	l.Nodes = joined(out)
	return nil
}

func foldBranch(b *parse.BranchNode, c constants) error {
	if err := foldList(b.List, c); err != nil {
		return err
	}
	return foldList(b.ElseList, c)
}

// constant is the text of a pipe that is one call with constant arguments.
func constant(p *parse.PipeNode, c constants) (string, bool, error) {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		return "", false, nil
	}
	name, ok := p.Cmds[0].Args[0].(*parse.IdentifierNode)
	if !ok {
		return "", false, nil
	}
	var args []string
	for _, a := range p.Cmds[0].Args[1:] {
		text, ok := a.(*parse.StringNode)
		if !ok {
			return "", false, nil
		}
		args = append(args, text.Text)
	}
	return c(name.Ident, args)
}

// joined makes neighbouring texts one. Clones share the bytes of texts, so none is written to.
func joined(nodes []parse.Node) []parse.Node {
	var out []parse.Node
	for _, n := range nodes {
		text, ok := n.(*parse.TextNode)
		if ok && len(out) > 0 {
			if before, ok := out[len(out)-1].(*parse.TextNode); ok {
				out[len(out)-1] = &parse.TextNode{NodeType: parse.NodeText, Pos: before.Pos, Text: slices.Concat(before.Text, text.Text)}
				continue
			}
		}
		out = append(out, n)
	}
	return out
}
