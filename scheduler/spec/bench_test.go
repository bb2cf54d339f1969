package spec

import (
	"fmt"
	"strings"
	"testing"
)

const millionTasks = `
name: million
params: {n: {type: int, default: 1000000}, band: {type: string, default: x}}
steps:
  s:
    image: busybox
    array: "{{ params.n }}"
    run: [lpf, psd, --segment, "{{ index }}", --band, "{{ params.band }}"]
    env: {SEGMENT: "s-{{ index }}"}
`

func BenchmarkParseThousandSteps(b *testing.B) {
	var text strings.Builder
	text.WriteString("name: large\ndefaults: {image: busybox, resources: {cpus: 1, mem: 1GiB}}\nsteps:\n  s0: {run: x}\n")
	for i := 1; i < MaxSteps; i++ {
		fmt.Fprintf(&text, "  s%d:\n    needs: [s%d]\n    array: 10\n    run: [tool, --part, \"{{ index }}\"]\n", i, i-1)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("large.yaml", []byte(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBindMillionTasks(b *testing.B) {
	s, err := Parse("million.yaml", []byte(millionTasks))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Bind(map[string]string{"band": "1e-4"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTask(b *testing.B) {
	step := &bind(b, millionTasks, nil).Steps[0]
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		step.Task(i % step.Tasks)
		i++
	}
}
