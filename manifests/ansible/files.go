// Package ansible holds the Ansible role that makes a Mesos agent of a machine, so that user-data can make the same agent
// of the same files.
package ansible

import (
	"embed"
	"io/fs"
)

//go:embed roles/spillway_agent/files
var role embed.FS

// Files are the role's files: scripts and units that are the same on all machines.
func Files() fs.FS {
	files, err := fs.Sub(role, "roles/spillway_agent/files")
	if err != nil {
		panic(err) // the name is in the directive above
	}
	return files
}
