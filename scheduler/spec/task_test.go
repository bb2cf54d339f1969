package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// oneStep is a spec with a step "s" that has these further fields, in flow style.
func oneStep(fields string) string {
	return "name: test\nsteps:\n  s: {image: busybox, " + fields + "}\n"
}

// commands gives what all tasks of the only step run.
func commands(p *Pipeline) []string {
	var all []string
	for i := range p.Steps[0].Tasks {
		c := p.Steps[0].Task(i)
		all = append(all, strings.Join(append(c.Argv, c.Shell), " "))
	}
	return all
}

func TestArrays(t *testing.T) {
	for _, c := range []struct{ fields, run, want string }{
		{"", "x", "x"},
		{"array: 3,", "{{ index }}", "0|1|2"},
		{"array: 0,", "{{ index }}", ""},
		{"array: [],", "{{ value }}", ""},
		{"array: {from: 1, to: 0},", "{{ index }}", ""},
		{"array: {from: 1, to: 0, step: 7},", "{{ index }}", ""},
		{"array: {from: -1, to: 1},", "{{ index }}", "-1|0|1"},
		{"array: {from: 10, to: 99, step: 30},", "{{ index }}", "10|40|70"},
		{"array: {from: 10, to: 100, step: 30},", "{{ index }}", "10|40|70|100"},
		{"array: [a, b],", "{{ index }}{{ value }}", "0a|1b"},
		{"matrix: {c: [x, y], d: [1, 2]},", "{{ c }}{{ d }}", "x1|x2|y1|y2"},
		{"array: 2, matrix: {c: [x, y]},", "{{ index }}{{ c }}", "0x|0y|1x|1y"},
		{"array: [p, q], matrix: {c: [x, y]},", "{{ value }}{{ index }}{{ c }}", "p0x|p0y|q1x|q1y"},
	} {
		t.Run(c.fields, func(t *testing.T) {
			got := strings.Join(commands(bind(t, oneStep(c.fields+` run: "`+c.run+`"`), nil)), "|")
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestTaskNumbers holds the numbering of tasks against nested loops.
func TestTaskNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(-50, 50).Draw(t, "from")
		step := rapid.Int64Range(1, 9).Draw(t, "step")
		to := from + rapid.Int64Range(-1, 40).Draw(t, "length")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 0, 3).Draw(t, "matrix")

		var want []string
		for index := from; index <= to; index += step {
			want = append(want, strconv.FormatInt(index, 10))
		}
		matrix, run := "", "{{ index }}"
		for k, size := range sizes {
			var longer, values []string
			for v := range size {
				values = append(values, fmt.Sprintf("v%d%d", k, v))
			}
			for _, w := range want {
				for _, v := range values {
					longer = append(longer, w+" "+v)
				}
			}
			want = longer
			matrix += fmt.Sprintf("m%d: [%s], ", k, strings.Join(values, ", "))
			run += fmt.Sprintf(" {{ m%d }}", k)
		}

		text := oneStep(fmt.Sprintf(`array: {from: %d, to: %d, step: %d}, matrix: {%s}, run: "%s"`, from, to, step, matrix, run))
		s, err := Parse("test.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Bind(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := commands(p); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", text, got, want)
		}
	})
}

// TestTaskPutsValuesIn renders templates made of random pieces, some of them parameters with braces in their values.
func TestTaskPutsValuesIn(t *testing.T) {
	values := map[string]string{"params.p": "{{ index }}", "params.q": "", "index": "2", "value": "c", "m": "é {{"}
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", " ", "}}", "ü", "{", "params.p", "params.q", "index", "value", "m", `"{{"`,
		}), 1, 8).Draw(t, "pieces")
		var template, want strings.Builder
		for _, piece := range pieces {
			value, isName := values[piece]
			switch {
			case isName:
				template.WriteString("{{ " + piece + "}}")
				want.WriteString(value)
			case piece == `"{{"`:
				template.WriteString(`{{"{{"}}`)
				want.WriteString("{{")
			default:
				template.WriteString(piece + "-") // so that two braces never make a pair
				want.WriteString(piece + "-")
			}
		}
		text := "name: test\nparams: {p: {type: string}, q: {type: string}}\nsteps:\n  s:\n    image: busybox\n" +
			"    array: [a, b, c]\n    matrix: {m: ['é {{\"{{\"}}']}\n    run: [x, '" + template.String() + "']\n"
		s, err := Parse("test.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.Bind(map[string]string{"p": values["params.p"], "q": ""})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Steps[0].Task(2).Argv[1]; got != want.String() {
			t.Errorf("%s\ngot  %q\nwant %q", text, got, want.String())
		}
	})
}

func TestStepsOwnVariablesReplaceThoseOfTheDefaults(t *testing.T) {
	p := bind(t, `
name: test
defaults: {image: busybox, run: env, env: {A: default, B: default, C: default}}
steps:
  s: {env: {D: own, B: own, A: ""}}
  t: {}`, nil)
	got := [][]Var{p.Steps[0].Task(0).Env, p.Steps[1].Task(0).Env}
	want := [][]Var{
		{{"A", ""}, {"B", "own"}, {"C", "default"}, {"D", "own"}},
		{{"A", "default"}, {"B", "default"}, {"C", "default"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTaskOutOfRangePanics(t *testing.T) {
	step := &bind(t, oneStep("run: x, array: 2"), nil).Steps[0]
	for _, i := range []int{-1, 2} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Task(%d) of 2 tasks gave an answer", i)
				}
			}()
			step.Task(i)
		}()
	}
}
