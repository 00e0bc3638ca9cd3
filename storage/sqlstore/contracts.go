package sqlstore

import (
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signal"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
)

// What the domain asks for, in one place.
var (
	_ interface {
		account.Store
		audit.Store
		bank.Reader
		centre.Store
		confirm.Store
		consent.Store
		contact.ClaimStore
		grant.Store
		job.Queue
		notice.Store
		partner.Store
		recall.Store
		registry.Store
		rp.RefusalStore
		rp.Store
		session.Store
		signal.Store
		signin.Store
	} = (*Stores)(nil)
	_ bank.Tx         = (*Stores)(nil)
	_ seal.Store      = (*DB)(nil)
	_ transient.Store = (*Transients)(nil)
)
