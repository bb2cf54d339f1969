package userdata

import (
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Read tells which agent user-data of Render makes: where its master is, and its attributes. It fails for other user-data.
func Read(userData []byte) (masters []string, attributes map[string]string, err error) {
	text := string(userData)
	switch {
	case strings.HasPrefix(text, "#cloud-config\n"):
		if text, err = agentFile(text); err != nil {
			return nil, nil, fmt.Errorf("reading user-data: %w", err)
		}
	case strings.HasPrefix(text, "#!"):
	default:
		return nil, nil, errors.New("reading user-data: neither a #cloud-config nor a #! script")
	}
	variables := readEnvironment(text)
	master := variables["MESOS_MASTER"]
	switch {
	case master == "":
		return nil, nil, errors.New("reading user-data: it makes no agent: there is no MESOS_MASTER")
	case strings.HasPrefix(master, "zk://"):
		masters = []string{master}
	default:
		masters = strings.Split(master, ",")
	}
	attributes = map[string]string{}
	for pair := range strings.SplitSeq(variables["MESOS_ATTRIBUTES"], ";") {
		if name, value, ok := strings.Cut(pair, ":"); ok {
			attributes[name] = value
		}
	}
	return masters, attributes, nil
}

// agentFile finds the agent's environment among the files of a cloud-config.
func agentFile(text string) (string, error) {
	var doc cloudDocument
	var foreign struct {
		WriteFiles *[]cloudFile `yaml:"write_files"`
	}
	foreign.WriteFiles = &doc.WriteFiles
	if err := yaml.Unmarshal([]byte(text), &foreign); err != nil {
		return "", err
	}
	for _, file := range doc.WriteFiles {
		if file.Path == agentEnv {
			return file.Content, nil
		}
	}
	return "", fmt.Errorf("it makes no agent: it writes no %s", agentEnv)
}

// readEnvironment reads lines as variable.String prints them, exported or not, and passes over all others.
func readEnvironment(text string) map[string]string {
	variables := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimRight(line, "\n"), "export ")
		name, value, ok := strings.Cut(line, `="`)
		value, quoted := strings.CutSuffix(value, `"`)
		if ok && quoted && variableName.MatchString(name) {
			variables[name] = unquote(value)
		}
	}
	return variables
}

// unquote takes away the backslashes of variable.String.
func unquote(value string) string {
	var text strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		text.WriteByte(value[i])
	}
	return text.String()
}
