package access

import "fmt"

// Role says what a token may do. Each role includes those before it.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // reads
	Author   Role = "author"   // submits runs, cancels and retries them, keeps pipelines
	Operator Role = "operator" // looks after the scheduler: deletes what is old
)

// rank puts the roles in order; what is no role has rank 0, below all.
var rank = map[Role]int{Viewer: 1, Author: 2, Operator: 3}

// ParseRole returns the role of that name.
func ParseRole(name string) (Role, error) {
	if rank[Role(name)] == 0 {
		return "", fmt.Errorf("role %q: it must be viewer, author or operator", name)
	}
	return Role(name), nil
}

// Includes reports whether who has role r may do what is asked of the role needed.
func (r Role) Includes(needed Role) bool {
	return rank[r] > 0 && rank[needed] > 0 && rank[r] >= rank[needed]
}
