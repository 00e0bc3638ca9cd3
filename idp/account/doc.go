// Package account keeps what Propusk knows of a citizen: the level of the account, the confirmations
// behind it, the proved contacts and the checked data; and the rules by which a level rises and falls.
//
//	simplified ──registries agree──▶ standard ──a confirmation──▶ verified
//	     ▲                              │  ▲                          │
//	     └──────data no longer agreed───┘  └──last confirmation lost──┘
//
// What rises shows at the next sign-in; what falls raises the account's epoch, and everything issued
// under an older epoch (sessions, codes, tokens) is refused at its next use.
package account
