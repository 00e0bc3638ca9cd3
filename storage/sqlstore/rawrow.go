package sqlstore

import (
	"encoding/binary"
	"fmt"
)

// allBinary is PostgreSQL's binary format, for all parameters or columns.
var allBinary = []int16{1}

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
