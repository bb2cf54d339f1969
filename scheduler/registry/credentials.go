package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// credentials is a Docker configuration file.
type credentials struct {
	file string
	// optional: nobody named the file, so it need not be there.
	optional bool
}

func newCredentials(file string) (credentials, error) {
	if file == "" {
		return credentials{file: usualConfig(), optional: true}, nil
	}
	c := credentials{file: file}
	if _, err := c.read(); err != nil {
		return c, fmt.Errorf("reading the credentials for registries: %w", err)
	}
	return c, nil
}

// usualConfig is where Docker's commands keep credentials.
func usualConfig() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker", "config.json")
}

// read reads the file. Its errors tell nothing of what is in it.
func (c credentials) read() (*configfile.ConfigFile, error) {
	cfg := configfile.New(c.file)
	f, err := os.Open(c.file)
	if c.optional && (c.file == "" || errors.Is(err, fs.ErrNotExist)) {
		return cfg, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := cfg.LoadFromReader(f); err != nil {
		return nil, fmt.Errorf("%s is no Docker configuration file (JSON)", c.file)
	}
	return cfg, nil
}

// find gives the credentials for a repository, or authn.Anonymous if there are none. They may be given for the repository
// itself or for its registry.
func (c credentials) find(repo name.Repository) (authn.Authenticator, *Fault) {
	cfg, err := c.read()
	if err != nil {
		return nil, &Fault{Kind: CredentialsFault, What: "the credentials cannot be read: " + err.Error(), Do: "correct the file, or name another one with --registry-config"}
	}
	registry := repo.RegistryStr()
	if registry == hub {
		registry = authn.DefaultAuthKey
	}
	for _, key := range []string{repo.String(), registry} {
		found, err := cfg.GetAuthConfig(key)
		if err != nil {
			// What a credential helper says may be a credential.
			return nil, &Fault{Kind: CredentialsFault, What: fmt.Sprintf("the credential helper that %s names for %s fails", c.file, repo.RegistryStr()),
				Do: "try the helper by hand: docker-credential-NAME get"}
		}
		found.ServerAddress = ""
		if found != (types.AuthConfig{}) {
			return authn.FromConfig(authn.AuthConfig{
				Username: found.Username, Password: found.Password, Auth: found.Auth,
				IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
			}), nil
		}
	}
	return authn.Anonymous, nil
}

// where says of which file is spoken.
func (c credentials) where() string {
	if c.file == "" {
		return "Docker's configuration file"
	}
	return c.file
}
