package storage_test

import (
	"testing"

	"github.com/propusk/propusk/storage/storagetest"
)

func TestHotCallsGoTogetherAndAnswerForThemselves(t *testing.T) {
	storagetest.Lanes(t, storagetest.Served(t))
}
