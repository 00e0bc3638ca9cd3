package claims

import "slices"

// Both lists what stands in both lists: what a party may have now, of what the citizen allowed it then.
func Both(may, allowed []string) []string {
	return slices.DeleteFunc(slices.Clone(may), func(s string) bool { return !slices.Contains(allowed, s) })
}

// Bound leaves of a request what the citizen allowed, in the words of VerifiedData. A party whose
// registration was widened since gets no more by asking the old way.
func (v VerifiedRequest) Bound(allowed []string) VerifiedRequest {
	if len(v) == 0 {
		return v
	}
	out := slices.Clone(v)
	for i, d := range out {
		out[i].noPaper = !slices.Contains(allowed, VerifiedDocument)
		out[i].claims = make(map[string]*want, len(d.claims))
		for name, w := range d.claims {
			if slices.Contains(allowed, verifiedPrefix+name) {
				out[i].claims[name] = w
			}
		}
	}
	return out
}
