// Package sqlstore keeps Records in SQL, written once for SQLite and PostgreSQL, and Transients in SQLite.
//
// The two databases differ in one small struct, dialect. Every statement stands once, with $1 for
// parameters, which both understand; what only one of them has is written in braces:
//
//	{update}  FOR UPDATE: the row is ours until the transaction ends
//	{skip}    FOR UPDATE SKIP LOCKED
//	{share}   FOR SHARE: the row stays as it is until the transaction ends
//
// SQLite needs none of these, for it has one writer at a time. Times are whole microseconds of UTC since
// 1970, zero for none, so no time zone or precision of a database changes them; and SQL never asks for
// the time: it comes in.
//
// What is personal lies sealed. A profile, a credential, an application, a letter and a visit are sealed
// under the key of their account, which itself lies wrapped by the master key in the account's row; a
// message is sealed under the ring, because its addressee may have no account yet. An account is found
// through keyed digests of its contacts, SNILS, document and name (the table lookup).
package sqlstore
