package access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lisa-dpc/spillway/scheduler/access"
)

func TestMay(t *testing.T) {
	viewer := access.Who{Name: "v", Role: access.Viewer, Projects: []string{"lisa", "lpf"}}
	author := access.Who{Name: "a", Role: access.Author, Projects: []string{"lisa"}}
	operator := access.Who{Name: "o", Role: access.Operator, Projects: []string{access.AllProjects}}
	for _, c := range []struct {
		who     access.Who
		role    access.Role
		project string
		denied  string // what the denial says; "" if there is none
	}{
		{viewer, access.Viewer, "lisa", ""},
		{viewer, access.Viewer, "lpf", ""},
		{viewer, access.Viewer, "", ""},
		{viewer, access.Viewer, "other", `needs the role viewer in project other; the token "v" has the role viewer in projects lisa, lpf`},
		{viewer, access.Author, "lisa", `needs the role author in project lisa; the token "v" has the role viewer in projects lisa, lpf`},
		{viewer, access.Author, "", `needs the role author; the token "v"`},
		{viewer, access.Viewer, access.AllProjects, `needs the role viewer in all projects`},
		{author, access.Viewer, "lisa", ""},
		{author, access.Author, "lisa", ""},
		{author, access.Author, "lis", "in project lis;"},
		{author, access.Operator, "lisa", `the token "a" has the role author in project lisa`},
		{operator, access.Operator, access.AllProjects, ""},
		{operator, access.Author, "any", ""},
		{access.Anyone(), access.Operator, "any", ""},
		{access.Anyone(), access.Operator, access.AllProjects, ""},
		{access.Who{}, access.Viewer, "", "needs the role viewer"},
		{access.Who{}, access.Viewer, "lisa", "needs the role viewer"},
		{access.Who{}, "", "", "needs the role"},
		{access.Who{Role: "root", Projects: []string{"*"}}, access.Viewer, "lisa", "viewer"},
	} {
		err := c.who.May(c.role, c.project)
		var denied *access.Denied
		if (err != nil) != (c.denied != "") || err != nil && (!errors.As(err, &denied) || !strings.Contains(err.Error(), c.denied)) {
			t.Errorf("%v as %s in %q: %v, want %q", c.who, c.role, c.project, err, c.denied)
		}
	}
}

func TestVisible(t *testing.T) {
	for _, c := range []struct{ projects, want []string }{
		{[]string{"lisa"}, []string{"lisa"}},
		{[]string{"lisa", "*"}, nil},
		{nil, []string{""}}, // not nil, which would be all
	} {
		if diff := cmp.Diff(c.want, access.Who{Role: access.Viewer, Projects: c.projects}.Visible()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.projects, diff)
		}
	}
}

// TestRolesGrow: who may do something with a role may do it with each role above it, and with more projects.
func TestRolesGrow(t *testing.T) {
	roles := []access.Role{access.Viewer, access.Author, access.Operator}
	projects := rapid.SampledFrom([]string{"a", "b", "c", access.AllProjects, ""})
	rapid.Check(t, func(t *rapid.T) {
		have, need := rapid.IntRange(0, 2).Draw(t, "have"), rapid.IntRange(0, 2).Draw(t, "need")
		who := access.Who{Role: roles[have], Projects: rapid.SliceOfN(projects.Filter(func(p string) bool { return p != "" }), 1, 3).Draw(t, "projects")}
		project := projects.Draw(t, "project")
		if who.May(roles[need], project) != nil {
			return
		}
		if need > have {
			t.Fatalf("%s may do what needs %s", roles[have], roles[need])
		}
		more := access.Who{Role: roles[rapid.IntRange(have, 2).Draw(t, "more")], Projects: append(who.Projects, "d")}
		if err := more.May(roles[need], project); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTokenText(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		text := access.NewText()
		if !strings.HasPrefix(text, access.Prefix) || !access.Holds("a: "+text+",") || seen[text] {
			t.Fatalf("token %q", text)
		}
		seen[text] = true
		if got := access.Redact("/v1/" + text + "/x?" + text); strings.Contains(got, text[4:]) || got != "/v1/spw_…/x?spw_…" {
			t.Fatalf("redacted: %s", got)
		}
	}
	if access.Holds("spw_short") {
		t.Error("what is no token is taken for one")
	}
}
