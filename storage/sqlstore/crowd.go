package sqlstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// A crowd is a hot statement in two forms of one writing: for one set of parameters, and on PostgreSQL for
// as many as come, given as an array for each parameter. To set a statement up costs PostgreSQL more than
// to find a row with it.
type crowd struct {
	one  text
	many string // may be missing: then each set has a statement of its own
	// places are the types of the parameters: the first is text, and the key of the row.
	places []place
	// keyed tells that each row names its key, which comes in many no more than once. Otherwise it names
	// the number of the set.
	keyed bool
}

// place is a type of parameters.
type place struct {
	name       string
	one, array uint32
}

var (
	textual = place{"text", pgtype.TextOID, pgtype.TextArrayOID}
	whole   = place{"bigint", pgtype.Int8OID, pgtype.Int8ArrayOID}
	octets  = place{"bytea", pgtype.ByteaOID, pgtype.ByteaArrayOID}
)

var parameter = regexp.MustCompile(`\$(\d+)`)

// together makes both forms of a statement. For many, {from} and {join} bring in the sets of parameters, at
// the end of a clause FROM or before its tables, and {n} the number of a set, or {key} the key,
// for a row to come back with.
func together(s string, keyed bool, places ...place) *crowd {
	c := &crowd{one: both(strings.NewReplacer("{from}", "", "{join}", "", "{n}", "", "{key}", "").Replace(s)), places: places, keyed: keyed}
	sets, names := make([]string, len(places)), make([]string, len(places))
	for i, p := range places {
		sets[i], names[i] = fmt.Sprintf("$%d::%s[]", i+1, p.name), fmt.Sprintf("p%d", i+1)
	}
	from := "unnest(" + strings.Join(sets, ", ") + ") WITH ORDINALITY AS k (" + strings.Join(names, ", ") + ", n)"
	c.many = strings.NewReplacer("{from}", "FROM "+from, "{join}", from+" CROSS JOIN", "{n}", "k.n,", "{key}", "id,").
		Replace(parameter.ReplaceAllString(both(s).postgres, "k.p$1"))
	return c
}

// known checks that a server takes a form's parameters as we send them.
func (c *crowd) known(d *pgconn.StatementDescription, many bool) error {
	if len(d.ParamOIDs) != len(c.places) {
		return fmt.Errorf("sqlstore: %d parameters for %d places", len(c.places), len(d.ParamOIDs))
	}
	for i, p := range c.places {
		if want := d.ParamOIDs[i]; many && want != p.array || !many && want != p.one {
			return fmt.Errorf("sqlstore: parameter %d is of type %d, not %s", i+1, want, p.name)
		}
	}
	return nil
}

// params writes the parameters of one set, in PostgreSQL's binary format.
func (c *crowd) params(args []any) ([][]byte, error) {
	out := make([][]byte, len(args))
	room := make([]byte, 0, 8*len(args))
	for i, arg := range args {
		v, ok := arg.([]byte)
		if !ok {
			from := len(room)
			var err error
			if room, err = appendValue(room, arg); err != nil {
				return nil, err
			}
			v = room[from:len(room):len(room)]
		}
		out[i] = v // nil is NULL
	}
	return out, nil
}

// arrays writes the parameters of many sets.
func (c *crowd) arrays(calls []*call) ([][]byte, error) {
	out := make([][]byte, len(c.places))
	for i, p := range c.places {
		// One dimension; whether there are NULLs; the elements' type; how many, and from where counted.
		b := binary.BigEndian.AppendUint32(make([]byte, 0, 20+40*len(calls)), 1)
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, p.one)
		b = binary.BigEndian.AppendUint32(b, uint32(len(calls)))
		b = binary.BigEndian.AppendUint32(b, 1)
		for _, call := range calls {
			at := len(b)
			b = binary.BigEndian.AppendUint32(b, 0)
			if v, ok := call.args[i].([]byte); ok && v == nil {
				binary.BigEndian.PutUint32(b[at:], ^uint32(0))
				binary.BigEndian.PutUint32(b[4:], 1)
				continue
			}
			var err error
			if b, err = appendValue(b, call.args[i]); err != nil {
				return nil, err
			}
			binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
		}
		out[i] = b
	}
	return out, nil
}

func appendValue(b []byte, arg any) ([]byte, error) {
	switch v := arg.(type) {
	case string:
		return append(b, v...), nil
	case []byte:
		return append(b, v...), nil
	case int64:
		return binary.BigEndian.AppendUint64(b, uint64(v)), nil
	case int:
		return binary.BigEndian.AppendUint64(b, uint64(v)), nil
	}
	return nil, fmt.Errorf("sqlstore: a parameter of type %T", arg)
}

// whose tells which set a row of many answers.
func (c *crowd) whose(calls []*call, first []byte) (*call, error) {
	if c.keyed {
		for _, one := range calls {
			if one.args[0].(string) == string(first) {
				return one, nil
			}
		}
		return nil, errStray
	}
	if len(first) != 8 {
		return nil, errStray
	}
	if n := binary.BigEndian.Uint64(first); n >= 1 && n <= uint64(len(calls)) {
		return calls[n-1], nil
	}
	return nil, errStray
}

var errStray = errors.New("sqlstore: a row that nobody asked for")
