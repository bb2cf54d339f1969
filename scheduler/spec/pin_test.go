package spec_test

import (
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/spec"
)

func TestPin(t *testing.T) {
	parsed, err := spec.Parse("test", []byte(`
name: p
params: {tag: {type: string, default: "3"}}
defaults: {run: x, resources: {cpus: 1, mem: 1MiB}}
steps:
  a: {image: "busybox:{{ params.tag }}"}
  b: {image: busybox}
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsed.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Pin(nil) != p {
		t.Error("with no images the pipeline is another")
	}
	pinned := p.Pin(map[string]string{"busybox:3": "docker.io/library/busybox@sha256:01", "alpine": "alpine@sha256:02"})
	if a, b := pinned.Steps[0].Image, pinned.Steps[1].Image; a != "docker.io/library/busybox@sha256:01" || b != "busybox" {
		t.Errorf("images %s and %s", a, b)
	}
	if p.Steps[0].Image != "busybox:3" {
		t.Errorf("the pipeline itself has changed: %s", p.Steps[0].Image)
	}
	if got := pinned.Steps[0].Task(0); got.Shell != "x" {
		t.Errorf("the pinned step's command is %+v", got)
	}
}
