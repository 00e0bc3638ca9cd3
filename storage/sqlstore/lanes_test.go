package sqlstore

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestABatchIsRunAgainOnlyIfItCannotStand(t *testing.T) {
	named := func(code string) error { return &pgconn.PgError{Severity: "ERROR", Code: code} }
	for name, c := range map[string]struct {
		err   error
		whole bool // all results came before the error
		want  bool
	}{
		"a statement is refused":                       {named("22021"), false, false},
		"a lock is not had in time":                    {named("55P03"), false, false},
		"the server stops before the results":          {&pgconn.PgError{Severity: "FATAL", Code: "57P01"}, false, false},
		"the server stops while it commits":            {&pgconn.PgError{Severity: "FATAL", Code: "57P01"}, true, true},
		"the commit is refused":                        {named("23503"), true, true},
		"the batch was not written to its end":         {&net.OpError{Op: "write", Err: io.ErrClosedPipe}, false, false},
		"the connection is lost while waiting":         {&net.OpError{Op: "read", Err: io.EOF}, false, true},
		"the connection is lost after the results":     {io.ErrUnexpectedEOF, true, true},
		"something that nobody has thought of happens": {errors.New("?"), false, true},
	} {
		l := &lane{lanes: &lanes{}}
		if got := l.stood(c.err, c.whole); got != c.want {
			t.Errorf("%s: may stand %t, want %t", name, got, c.want)
		}
	}
}

func TestWhatWritesMeetsARowOnceInAStatement(t *testing.T) {
	first, second, single := &crowd{many: "m"}, &crowd{many: "m"}, &crowd{}
	of := func(c *crowd, key string) *call { return &call{statement: c, args: []any{key}} }
	for _, c := range []struct {
		again bool
		batch []*call
		want  string
	}{
		{false, []*call{of(second, "b"), of(first, "x"), of(second, "a"), of(first, "b"), of(second, "b"), of(second, "b")}, "bx ab b b"},
		{true, []*call{of(first, "b"), of(first, "a"), of(first, "b")}, "abb"},
		{false, []*call{of(single, "b"), of(first, "c"), of(single, "a")}, "c a b"},
	} {
		l := &lane{lanes: &lanes{again: c.again, statements: []*crowd{first, second, single}}}
		var got []string
		for _, group := range l.groups(c.batch) {
			keys := ""
			for _, one := range group {
				keys += one.args[0].(string)
			}
			got = append(got, keys)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("groups: got %q, want %q", s, c.want)
		}
	}
}
