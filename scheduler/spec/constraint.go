package spec

import (
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Op is how a Constraint compares.
type Op string

// The comparisons of a Constraint.
const (
	Equals     Op = "equals"
	Matches    Op = "matches"
	NotMatches Op = "not_matches"
)

// Constraint is a condition on one attribute of an agent. Only Bind and NewConstraint make one.
type Constraint struct {
	Attribute string
	Op        Op
	Value     string // a text, or the regular expression as written

	whole *regexp.Regexp // matches all of a value; nil with Equals
}

// NewConstraint makes the constraint that has these fields. The error says what is wrong with the comparison or the
// regular expression.
func NewConstraint(attribute string, op Op, value string) (Constraint, error) {
	if op != Equals && op != Matches && op != NotMatches {
		return Constraint{}, fmt.Errorf("%q is no comparison: there are %s, %s and %s", op, Equals, Matches, NotMatches)
	}
	c, size, err := newConstraint(attribute, op, value)
	switch {
	case err != nil:
		return Constraint{}, fmt.Errorf("not a regular expression: %w", err)
	case size > MaxRegexps:
		return Constraint{}, fmt.Errorf("the regular expression is too large")
	}
	return c, nil
}

// newConstraint compiles the regular expression, if there is one. size is that of its program, in instructions.
func newConstraint(attribute string, op Op, value string) (c Constraint, size int, err error) {
	c = Constraint{Attribute: attribute, Op: op, Value: value}
	if op == Equals {
		return c, 0, nil
	}
	// An expression that is only right between brackets of ours, such as a)(b, is not right.
	parsed, err := syntax.Parse(value, syntax.Perl)
	if err != nil {
		return c, 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > MaxRegexps {
		return c, MaxRegexps + 1, err
	}
	c.whole, err = regexp.Compile(`\A(?:` + value + `)\z`)
	return c, len(program.Inst), err
}

// Holds tells whether an agent whose attribute has this value fulfils the constraint; present is false when the agent has
// no such attribute, which only NotMatches accepts.
func (c Constraint) Holds(value string, present bool) bool {
	switch c.Op {
	case Equals:
		return present && value == c.Value
	case Matches:
		return present && c.whole.MatchString(value)
	case NotMatches:
		return !present || !c.whole.MatchString(value)
	}
	panic("spec: no such comparison: " + string(c.Op))
}

// String gives the constraint as people read it, such as "site=cnes" or "rack matches rack-[1-3]". Different constraints
// give different texts.
func (c Constraint) String() string {
	switch c.Op {
	case Equals:
		return c.Attribute + "=" + c.Value
	case Matches:
		return fmt.Sprintf("%s matches %s", c.Attribute, c.Value)
	}
	return fmt.Sprintf("%s does not match %s", c.Attribute, c.Value)
}
