package life

import (
	"cmp"
	"slices"
)

// sortLives puts lives in the order of their first rows; objects of one row are ordered by
// kind and id.
func sortLives(ls []*Life) {
	slices.SortFunc(ls, func(a, b *Life) int {
		return cmp.Or(cmp.Compare(a.First.Seq, b.First.Seq), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
}
