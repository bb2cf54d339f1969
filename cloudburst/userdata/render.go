package userdata

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/lisa-dpc/spillway/manifests/ansible"
)

//go:embed setup
var setup string

// File is a file on the machine.
type File struct {
	Path    string
	Mode    fs.FileMode
	Content string
}

// Render makes the user-data of a machine. It fails if the machine is not described well enough, or with what would be
// read otherwise than it is meant, or if the result is longer than Nova takes.
func Render(m Machine) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("user-data of %s: %w", m.name(), err)
	}
	var text []byte
	var err error
	switch m.Format {
	case CloudConfig:
		text, err = m.cloudConfig()
	case Script:
		text = m.script()
	default:
		panic(fmt.Sprintf("userdata: no such format: %d", m.Format))
	}
	if err != nil {
		return nil, fmt.Errorf("user-data of %s: %w", m.name(), err)
	}
	if length := base64.StdEncoding.EncodedLen(len(text)); length > Limit {
		return nil, fmt.Errorf("user-data of %s: %d bytes in Base64, and Nova takes %d: leave certificates or extra cloud-config to the image",
			m.name(), length, Limit)
	}
	return text, nil
}

func (m Machine) name() string {
	if m.VM == "" {
		return "a machine"
	}
	return m.VM
}

// cloudDocument is the cloud-config that is rendered.
type cloudDocument struct {
	WriteFiles []cloudFile `yaml:"write_files"`
	RunCmd     [][]string  `yaml:"runcmd"`
}

type cloudFile struct {
	Path        string `yaml:"path"`
	Permissions string `yaml:"permissions"`
	Content     string `yaml:"content"`
}

func (m Machine) cloudConfig() ([]byte, error) {
	doc := cloudDocument{RunCmd: [][]string{{libDir + "setup"}}}
	for _, file := range append(m.Files(), m.setupFiles()...) {
		doc.WriteFiles = append(doc.WriteFiles, cloudFile{file.Path, fmt.Sprintf("%04o", file.Mode), file.Content})
	}
	var ours yaml.Node
	if err := ours.Encode(doc); err != nil {
		panic(fmt.Sprintf("userdata: encoding: %v", err)) // strings in structs
	}
	if err := mergeExtra(&ours, m.Extra); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "#cloud-config\n# Makes this machine the Mesos agent %s of Spillway.\n", m.VM)
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(&ours); err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return text.Bytes(), nil
}

// mergeExtra adds an operator's cloud-config to ours. Lists that both have are joined, the operator's first, so that its
// commands run before the agent starts.
func mergeExtra(ours *yaml.Node, extra string) error {
	if strings.TrimSpace(extra) == "" {
		return nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(extra), &doc); err != nil {
		return fmt.Errorf("extra cloud-config: %w", err)
	}
	if len(doc.Content) == 0 {
		return nil // nothing but comments
	}
	theirs := doc.Content[0]
	if theirs.Kind != yaml.MappingNode {
		return fmt.Errorf("extra cloud-config: line %d: it is no mapping of names to values", theirs.Line)
	}
	for i := 0; i < len(theirs.Content); i += 2 {
		key, value := theirs.Content[i], theirs.Content[i+1]
		mine := lookup(ours, key.Value)
		switch {
		case mine == nil:
			ours.Content = append(ours.Content, key, value)
		case value.Kind == yaml.SequenceNode:
			mine.Content = append(value.Content, mine.Content...)
		default:
			return fmt.Errorf("extra cloud-config: line %d: %s is no list", key.Line, key.Value)
		}
	}
	return nil
}

// lookup gives the value of a mapping's key, nil if there is none.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// script is for guests without cloud-init. Its last word is the operator's.
func (m Machine) script() []byte {
	var text strings.Builder
	text.WriteString("#!/bin/sh\n# Makes this machine a Mesos agent of Spillway.\n")
	for _, v := range m.agentVariables() {
		fmt.Fprintf(&text, "export %s\n", v)
	}
	text.WriteString(strings.TrimRight(m.Command, "\n") + "\n")
	return []byte(text.String())
}

// roleFile reads a file of the Ansible role.
func roleFile(name string) string {
	text, err := fs.ReadFile(ansible.Files(), name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}
