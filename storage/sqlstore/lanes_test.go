package sqlstore

import (
	"errors"
	"io"
	"net"
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
