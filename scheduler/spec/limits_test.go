package spec

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// problem gives the first problem of a spec as the author reads it.
func problem(t *testing.T, text string, params map[string]string) string {
	t.Helper()
	s, err := Parse("test.yaml", []byte(text))
	if err == nil {
		_, err = s.Bind(params)
	}
	if err == nil {
		return "nothing"
	}
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error is %T: %v", err, err)
	}
	return problems[0].String()
}

// lines repeats a line of YAML, whose %d counts.
func lines(n int, line string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line+"\n", i)
	}
	return b.String()
}

func TestBytesThatAreNoText(t *testing.T) {
	const start = "name: a\ndescription: é"
	for _, c := range []struct{ name, text, want string }{
		{"NUL", start + "\x00", "test.yaml:2:15: character U+0000 is not allowed"},
		{"escape", start + "\x1b[0m", "test.yaml:2:15: character U+001B is not allowed"},
		{"delete", start + "\x7f", "test.yaml:2:15: character U+007F is not allowed"},
		{"Latin-1", start + "\xe9\n", "test.yaml:2:15: byte 0xe9 is not UTF-8 (save the file as UTF-8)"},
		{"half a character", start + "\xc3", "test.yaml:2:15: byte 0xc3 is not UTF-8 (save the file as UTF-8)"},
		{"UTF-16", "\xff\xfen\x00a\x00", "test.yaml:1:1: byte 0xff is not UTF-8 (save the file as UTF-8)"},
		{"next line", start + "\u0085\n", "test.yaml:2:15: line break U+0085 is not allowed (end lines with a line feed)"},
		{"line separator", start + "\u2028", "test.yaml:2:15: line break U+2028 is not allowed (end lines with a line feed)"},
		{"carriage return", "name: a\rsteps: x", "test.yaml:1:8: line break U+000D is not allowed (end lines with a line feed)"},
		{"nothing", "", "test.yaml: the file is empty"},
		{"spaces", " \n\n", "test.yaml: the file is empty"},
		{"null", "~\n", "test.yaml:1:1: has no value, should be a mapping"},
		{"text", "hello\n", "test.yaml:1:1: should be a mapping, not text"},
		{"only a mark", "---\n", "test.yaml: the file is empty"},
		{"a tag", "!pipeline {name: a}\n", "test.yaml:1:1: should be a mapping, not !pipeline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := problem(t, c.text, nil); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	const step = "steps: {a: {run: x, image: y}}\n"
	oneStep := func(fields string) string { return "name: a\nsteps:\n  a:\n    image: y\n" + fields }
	long := func(n int) string { return strings.Repeat("x", n) }
	params := "params:\n  p: {type: string, default: \"\"}\n"
	for _, c := range []struct {
		name       string
		most, over string // a spec at the limit and one beyond it
		want       string // of over
	}{
		{
			"bytes",
			"name: a\n" + step + "#" + long(MaxBytes-9-len(step)), "name: a\n" + step + "#" + long(MaxBytes-8-len(step)),
			"test.yaml: the file has 1048577 bytes, which is more than 1048576",
		}, {
			"steps",
			"name: a\nsteps:\n" + lines(MaxSteps, "  s%d: {run: x, image: y}"), "name: a\nsteps:\n" + lines(MaxSteps+1, "  s%d: {run: x, image: y}"),
			"test.yaml:2:1: steps: 1001 steps are more than 1000",
		}, {
			"tasks",
			oneStep("    run: x\n    array: 1000000\n"), oneStep("    run: x\n    array: 1000001\n"),
			"test.yaml:6:12: steps.a.array: 1000001 tasks are more than 1000000",
		}, {
			"params",
			"name: a\nparams:\n" + lines(MaxParams, "  p%d: {type: int, default: 1}") + step,
			"name: a\nparams:\n" + lines(MaxParams+1, "  p%d: {type: int, default: 1}") + step,
			"test.yaml:2:1: params: 101 parameters are more than 100",
		}, {
			"length of a parameter",
			"name: a\nparams: {p: {type: string, default: " + long(MaxParamBytes) + "}}\n" + step,
			"name: a\nparams: {p: {type: string, default: " + long(MaxParamBytes+1) + "}}\n" + step,
			"test.yaml:2:37: params.p.default: has more than 4096 bytes",
		}, {
			"labels",
			"name: a\nlabels:\n" + lines(MaxLabels, "  l%d: x") + step, "name: a\nlabels:\n" + lines(MaxLabels+1, "  l%d: x") + step,
			"test.yaml:2:1: labels: 65 labels are more than 64",
		}, {
			"length of a label",
			"name: a\nlabels: {l: " + long(255) + "}\n" + step, "name: a\nlabels: {l: " + long(256) + "}\n" + step,
			"test.yaml:2:13: labels.l: a label has at most 255 bytes in one line",
		}, {
			"env",
			oneStep("    run: x\n    env:\n" + lines(MaxEnv, "      E%d: x")), oneStep("    run: x\n    env:\n" + lines(MaxEnv+1, "      E%d: x")),
			"test.yaml:6:5: steps.a.env: 1001 variables are more than 1000",
		}, {
			"command line",
			oneStep("    run: " + long(MaxCommandBytes-1) + "\n"), oneStep("    run: " + long(MaxCommandBytes) + "\n"),
			"test.yaml:3:3: steps.a: command line and environment of a task have more than 131071 bytes (put long data into a file)",
		}, {
			"command line at its longest value",
			oneStep("    matrix: {c: [a, " + long(65534) + "]}\n    run: [\"{{ c }}\", \"{{ c }}\"]\n    env: {}\n"),
			oneStep("    matrix: {c: [a, " + long(65534) + "]}\n    run: [\"{{ c }}\", \"{{ c }}\"]\n    env: {A: b}\n"),
			"test.yaml:3:3: steps.a: command line and environment of a task have more than 131071 bytes (put long data into a file)",
		}, {
			"owner",
			"name: a\nowner: " + long(254) + "\n" + step, "name: a\nowner: " + long(255) + "\n" + step,
			"test.yaml:2:8: owner: longer than 254 characters",
		}, {
			"values",
			"name: a\n" + step + "labels: {l: &l x}\nparams: {p: {type: string, default: *l}}\n",
			"name: a\nsteps: {a: {run: x, image: y, array: &x [" + strings.Repeat("1,", 60_000) + "]}, b: {run: x, image: y, array: *x}}\n",
			"test.yaml:2:120075: more than 100000 values (an alias counts as what it stands for)",
		}, {
			"regular expressions",
			oneStep("    run: x\n    where:\n" + lines(99, `      - {attribute: a%d, matches: "a{1000}"}`)),
			oneStep("    run: x\n    where:\n" + lines(100, `      - {attribute: a%d, matches: "a{1000}"}`)),
			"test.yaml:6:5: steps.a.where: the regular expressions of the pipeline are too large",
		}, {
			"parts of templates",
			"name: a\n" + params + "defaults: {image: y, run: \"" + strings.Repeat("{{params.p}}", 998) + "\"}\nsteps:\n" + lines(MaxSteps, "  s%d: {}"),
			"name: a\n" + params + "defaults: {image: y, run: \"" + strings.Repeat("{{params.p}}", 1000) + "\"}\nsteps:\n" + lines(MaxSteps, "  s%d: {}"),
			"test.yaml:5:1: steps: the templates of the steps have more than 1000000 parts",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := problem(t, c.over, nil); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got := problem(t, c.most, nil); got != "nothing" && !strings.Contains(got, "is empty") {
				t.Errorf("at the limit: %.300s", got)
			}
		})
	}
}

// TestParametersCannotFillTheMemory: a spec of a few kilobytes whose parameters are long.
func TestParametersCannotFillTheMemory(t *testing.T) {
	text := "name: a\nparams: {p: {type: string}}\ndefaults: {image: y, run: x, env: {E: \"" + strings.Repeat("{{ params.p }}", 30) +
		"\"}}\nsteps:\n" + lines(MaxSteps, "  s%d: {}")
	long := map[string]string{"p": strings.Repeat("x", MaxParamBytes)}
	want := "test.yaml:4:1: steps: what the templates of the steps grow to is more than 16777216 bytes"
	if got := problem(t, text, long); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := problem(t, text, map[string]string{"p": "short"}); got != "nothing" {
		t.Error(got)
	}
}

func TestManyProblemsAreCutShort(t *testing.T) {
	_, err := Parse("test.yaml", []byte("name: a\nsteps: {a: {run: x, image: y}}\n"+lines(500, "unknown%d: x")))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	if len(problems) != MaxProblems+1 {
		t.Errorf("%d problems are told", len(problems))
	}
	if last := problems[MaxProblems].String(); last != "test.yaml: and 400 more problems" {
		t.Error(last)
	}
	if p := problems[MaxProblems-1]; p.Line != MaxProblems+2 {
		t.Errorf("the first %d in the file are not those told: %s", MaxProblems, p)
	}
}

// TestProblemsStayInTheirLine whatever the spec quotes.
func TestProblemsStayInTheirLine(t *testing.T) {
	got := problem(t, "name: a\n\"x\\ny\\x1b[31m\\u2028\": 1\nsteps: {a: {run: x, image: y}}\n", nil)
	if strings.ContainsAny(got, "\n\x1b\u2028") {
		t.Errorf("%q", got)
	}
}
