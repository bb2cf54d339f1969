// Package config is burst.yaml: which clouds and machines the cloudburst agent may use, how many, for how long, and whose
// they are. It is parsed as strictly as a spec.
package config
