package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Load reads the file, lays the environment over it and checks everything, the named files included.
// The error joins all mistakes.
func Load(path string, environ []string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c, err := Parse(text, environ)
	if c == nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := errors.Join(err, c.Files()); err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return c, nil
}

// Parse reads the text of a configuration and checks it without looking at other files. Beside mistakes
// it returns what could be read, or nil if the text is no YAML.
func Parse(text []byte, environ []string) (*Config, error) {
	c := Default()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, errors.New(yaml.FormatError(err, false, true))
	}
	var mistakes []error
	for i, doc := range file.Docs {
		if i > 0 {
			mistakes = append(mistakes, errors.New("more than one document"))
			break
		}
		if doc.Body != nil {
			mistakes = append(mistakes, read(doc.Body, "", reflect.ValueOf(&c).Elem())...)
		}
	}
	mistakes = append(mistakes, override(&c, environ)...)
	return &c, errors.Join(append(mistakes, c.Validate())...)
}

// read fills a struct from a mapping, key by key, so that one mistake does not hide the next.
func read(node ast.Node, path string, into reflect.Value) (mistakes []error) {
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil
	default:
		return []error{fmt.Errorf("line %d: %s: want settings, one a line", line(node), or(path, "the file"))}
	}
	for _, p := range pairs {
		key := p.Key.String()
		at := strings.TrimPrefix(path+"."+key, ".")
		field, ok := fieldFor(into, key)
		switch {
		case !ok:
			mistakes = append(mistakes, fmt.Errorf("line %d: unknown key %s", line(p.Key), at))
		case field.Kind() == reflect.Struct:
			mistakes = append(mistakes, read(p.Value, at, field)...)
		case p.Value.Type() == ast.NullType: // a key without a value keeps its default
		default:
			if err := yaml.NodeToValue(p.Value, field.Addr().Interface()); err != nil {
				// The value is not quoted: it may be a secret put into the wrong place.
				mistakes = append(mistakes, fmt.Errorf("line %d: %s: want %s", line(p.Key), at, kind(field)))
			}
		}
	}
	return mistakes
}

func line(n ast.Node) int { return n.GetToken().Position.Line }

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// fieldFor finds the field of a key.
func fieldFor(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// kind says in words what a setting takes.
func kind(v reflect.Value) string {
	switch {
	case v.Type().String() == "time.Duration":
		return "a duration, such as 90s or 720h"
	case v.Kind() == reflect.Slice:
		return "a list"
	case v.Kind() == reflect.String:
		return "text"
	case v.Kind() == reflect.Float64:
		return "a number"
	case v.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a whole number"
}
