package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name   string
		events []string
		want   []string
	}{
		{
			name: "a passing test says nothing, its package one line",
			events: []string{
				`{"Action":"start","Package":"p"}`,
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: chatter\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"PASS\n"}`,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t0.01s\n"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want: []string{"ok  \tp\t0.01s", "", "1 passed, 0 failed, 0 skipped"},
		},
		{
			name: "a skip is listed at the end with its reason",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no Docker engine answers: start one\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"skip","Package":"p","Test":"TestB"}`,
				`{"Action":"output","Package":"p","Output":"ok  \tp\t0.01s\n"}`,
				`{"Action":"skip","Package":"q"}`,
			},
			want: []string{
				"ok  \tp\t0.01s", "",
				"Skipped, each with what it missed:",
				"--- SKIP: p TestA: no Docker engine answers: start one",
				"--- SKIP: p TestB: no reason given", "",
				"0 passed, 0 failed, 2 skipped",
			},
		},
		{
			name: "a failure shows what its test said",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: got 1\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.01s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: []string{"    a_test.go:3: got 1", "--- FAIL: TestA (0.00s)", "FAIL\tp\t0.01s", "", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "a panic shows the tests that did not end",
			events: []string{
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: broken invariant\n"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.01s\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: []string{"FAIL\tp\t0.01s", "=== NOT FINISHED: TestA", "panic: broken invariant", "", "0 passed, 1 failed, 0 skipped"},
		},
		{
			name: "a package that does not compile",
			events: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"# p\n"}`,
				`{"ImportPath":"p","Action":"build-output","Output":"./a.go:3:1: undefined: x\n"}`,
				`{"ImportPath":"p","Action":"build-fail"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p"}`,
				"no event",
			},
			want: []string{"# p", "./a.go:3:1: undefined: x", "FAIL\tp [build failed]", "no event", "", "0 passed, 1 failed, 0 skipped"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(strings.Join(tt.events, "\n") + "\n")); err != nil {
				t.Fatal(err)
			}
			r.close()
			if diff := cmp.Diff(strings.Join(tt.want, "\n")+"\n", out.String()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}
