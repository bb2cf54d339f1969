package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// trust is the certificate authorities that registries' certificates may come from.
type trust struct{ roots *x509.CertPool }

// newTrust adds authorities to the system's. A path is a file, or a folder in which all .crt and .pem files are
// read, also those further down: Docker's /etc/docker/certs.d has a folder for each registry.
func newTrust(paths []string) (*trust, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
	}
	for _, path := range paths {
		files, err := certificateFiles(path)
		if err != nil {
			return nil, fmt.Errorf("reading certificate authorities: %w", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading certificate authorities: %w", err)
			}
			if !roots.AppendCertsFromPEM(text) {
				return nil, fmt.Errorf("reading certificate authorities: %s: there is no certificate in PEM in it", file)
			}
		}
	}
	return &trust{roots}, nil
}

func certificateFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && slices.Contains([]string{".crt", ".pem"}, filepath.Ext(file)) {
			files = append(files, file)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New(path + ": no .crt or .pem file is in it")
	}
	return files, err
}

// whenIssued tells whether a chain that is not trusted now was trusted when the last of its certificates was issued: then
// only a date is wrong.
func (t *trust) whenIssued(chain []*x509.Certificate) bool {
	if len(chain) == 0 {
		return false
	}
	options := x509.VerifyOptions{Roots: t.roots, Intermediates: x509.NewCertPool(), CurrentTime: chain[0].NotBefore}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
		if c.NotBefore.After(options.CurrentTime) {
			options.CurrentTime = c.NotBefore
		}
	}
	_, err := chain[0].Verify(options)
	return err == nil
}
