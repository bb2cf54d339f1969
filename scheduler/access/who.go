// Package access says who may ask the scheduler for what: tokens with a role and projects, the log of what was changed
// and by whom, and the certificate under which the scheduler answers.
//
// It knows nothing of HTTP routes; httpapi asks it at one place, for every call.
package access

import (
	"fmt"
	"slices"
	"strings"
)

// AllProjects stands in a token's list of projects for every project, and as a project that is asked for, for all at once.
const AllProjects = "*"

// Who asks.
type Who struct {
	// Name of the token; "" where nobody is asked who they are.
	Name string
	Role Role
	// Projects that the role is for; AllProjects among them means all.
	Projects []string
}

// Anyone is who asks where nothing is asked: on loopback, without tokens. They may do everything.
func Anyone() Who { return Who{Role: Operator, Projects: []string{AllProjects}} }

// May returns nil if they have the role in the project, else a *Denied. The project "" is for what belongs to no
// project: then the role alone is needed. AllProjects is for what belongs to all of them at once.
func (w Who) May(role Role, project string) error {
	if w.Role.Includes(role) && (project == "" || w.Sees(project)) {
		return nil
	}
	return &Denied{Who: w, Role: role, Project: project}
}

// Sees reports whether the project is one of theirs.
func (w Who) Sees(project string) bool {
	return slices.Contains(w.Projects, AllProjects) || project != AllProjects && slices.Contains(w.Projects, project)
}

// Visible returns their projects for a filter: nil means all. It is never empty otherwise, as an empty filter would be
// taken for none.
func (w Who) Visible() []string {
	switch {
	case w.Sees(AllProjects):
		return nil
	case len(w.Projects) == 0:
		return []string{""} // no project has this name
	}
	return slices.Clone(w.Projects)
}

func (w Who) equal(o Who) bool {
	return w.Name == o.Name && w.Role == o.Role && slices.Equal(w.Projects, o.Projects)
}

// Denied is an error: somebody is known, but may not do what they asked for.
type Denied struct {
	Who Who
	// Role and Project are what would have been needed; see Who.May.
	Role    Role
	Project string
}

// Error names the role that was needed, and what the asker has.
func (d *Denied) Error() string {
	return fmt.Sprintf("this needs the role %s%s; the token %q has the role %s%s",
		d.Role, inProjects(d.Project), d.Who.Name, d.Who.Role, inProjects(d.Who.Projects...))
}

func inProjects(projects ...string) string {
	switch {
	case slices.Contains(projects, AllProjects):
		return " in all projects"
	case len(projects) == 0 || projects[0] == "":
		return ""
	case len(projects) == 1:
		return " in project " + projects[0]
	}
	return " in projects " + strings.Join(projects, ", ")
}
