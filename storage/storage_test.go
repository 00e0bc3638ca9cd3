package storage_test

import (
	"testing"

	"github.com/propusk/propusk/storage/storagetest"
)

func TestEveryPairOfStoresKeepsTheContract(t *testing.T) {
	storagetest.Each(t, storagetest.Conformance)
}
