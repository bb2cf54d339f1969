package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRefuseImages(t *testing.T) {
	const text = `name: images
params: {tag: {type: string, default: "9"}}
defaults: {image: busybox:1, run: x}
steps:
  a: {}
  b: {image: "tools:{{ params.tag }}"}
  c: {}
  d: {image: other}
`
	s, err := Parse("images.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"busybox:1", "other", "tools:9"}, p.Images()); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if err := s.RefuseImages(p, map[string]Problem{"elsewhere": {Message: "is gone"}}); err != nil {
		t.Errorf("an image of another pipeline: %v", err)
	}
	got := s.RefuseImages(p, map[string]Problem{
		"busybox:1": {Message: "has no tag 1", Hint: "there are: 2"},
		"tools:9":   {Message: "has no repository tools"},
	})
	want := "images.yaml:3:19: defaults.image: has no tag 1 (there are: 2)\n" +
		"images.yaml:6:14: steps.b.image: has no repository tools, from params.tag"
	if got == nil || got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
}
