package sqlstore

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"
)

// allBinary is PostgreSQL's binary format, for all parameters or columns.
var allBinary = []int16{1}

// encodeParams writes parameters in binary format. The statements of lanes take whole numbers, text and
// bytes, and nothing else.
func encodeParams(oids []uint32, args []any) ([][]byte, error) {
	if len(oids) != len(args) {
		return nil, fmt.Errorf("sqlstore: %d parameters for %d places", len(args), len(oids))
	}
	out := make([][]byte, len(args))
	numbers := make([]byte, 0, 8*len(args))
	for i, arg := range args {
		var n int64
		switch v := arg.(type) {
		case string:
			out[i] = []byte(v)
			continue
		case []byte:
			out[i] = v // nil is NULL
			continue
		case int64:
			n = v
		case int:
			n = int64(v)
		default:
			return nil, fmt.Errorf("sqlstore: a parameter of type %T", arg)
		}
		from := len(numbers)
		switch oids[i] {
		case pgtype.Int8OID:
			numbers = binary.BigEndian.AppendUint64(numbers, uint64(n))
		case pgtype.Int4OID:
			if int64(int32(n)) != n {
				return nil, fmt.Errorf("sqlstore: parameter %d is too large", i+1)
			}
			numbers = binary.BigEndian.AppendUint32(numbers, uint32(n))
		case pgtype.TextOID, pgtype.VarcharOID:
			numbers = strconv.AppendInt(numbers, n, 10)
		default:
			return nil, fmt.Errorf("sqlstore: parameter %d is of type %d", i+1, oids[i])
		}
		out[i] = numbers[from:len(numbers):len(numbers)]
	}
	return out, nil
}

// rawRow is a row as PostgreSQL sent it in binary format.
type rawRow [][]byte

// keep copies a row out of the connection's buffer.
func keep(values [][]byte) rawRow {
	size := 0
	for _, v := range values {
		size += len(v)
	}
	room, out := make([]byte, 0, size), make(rawRow, len(values))
	for i, v := range values {
		if v == nil {
			continue
		}
		from := len(room)
		room = append(room, v...)
		out[i] = room[from:len(room):len(room)]
	}
	return out
}

// Scan reads the row, once: bytes are given away, not copied.
func (r rawRow) Scan(dest ...any) error {
	if len(dest) != len(r) {
		return fmt.Errorf("sqlstore: %d columns for %d places", len(r), len(dest))
	}
	for i, to := range dest {
		v := r[i]
		if to, ok := to.(*[]byte); ok {
			*to = v
			continue
		}
		if v == nil {
			return fmt.Errorf("sqlstore: column %d is NULL", i+1)
		}
		if to, ok := to.(*string); ok {
			*to = string(v)
			continue
		}
		var n int64
		switch len(v) {
		case 8:
			n = int64(binary.BigEndian.Uint64(v))
		case 4:
			n = int64(int32(binary.BigEndian.Uint32(v)))
		default:
			return fmt.Errorf("sqlstore: column %d of %d bytes is no whole number", i+1, len(v))
		}
		switch to := to.(type) {
		case *int64:
			*to = n
		case *int:
			*to = int(n)
		default:
			return fmt.Errorf("sqlstore: no room of type %T for column %d", to, i+1)
		}
	}
	return nil
}
