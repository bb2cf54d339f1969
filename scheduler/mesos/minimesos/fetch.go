package minimesos

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// fetchURIs brings a command's URIs into its sandbox, as Mesos' fetcher does.
// What went wrong is in the sandbox's stderr; the error says no more than
// Mesos' own.
func fetchURIs(ctx context.Context, spec *containerSpec) error {
	for i := range spec.command.GetURIs() {
		uri := &spec.command.URIs[i]
		if err := fetchURI(ctx, spec.sandbox, uri); err != nil {
			if logErr := logToStderr(spec.sandbox, fmt.Sprintf("Failed to fetch '%s': %v", uri.Value, err)); logErr != nil {
				return logErr
			}
			return fetchFailure(spec)
		}
	}
	return nil
}

func logToStderr(sandbox, line string) error {
	_, stderr, err := openOutputs(sandbox)
	if err != nil {
		return err
	}
	defer stderr.Close()
	_, err = fmt.Fprintln(stderr, line)
	return err
}

func fetchURI(ctx context.Context, sandbox string, uri *mesos.CommandInfo_URI) error {
	source, name, err := openURI(ctx, uri.Value)
	if err != nil {
		return err
	}
	defer source.Close()
	if uri.OutputFile != nil {
		name = *uri.OutputFile
	}
	path, err := inSandbox(sandbox, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if uri.GetExecutable() {
		mode = 0o755
	}
	if err := writeFile(path, source, mode); err != nil {
		return err
	}
	if uri.GetExecutable() || !uri.GetExtract() {
		return nil
	}
	return extract(path, sandbox)
}

func openURI(ctx context.Context, uri string) (io.ReadCloser, string, error) {
	if path, ok := strings.CutPrefix(uri, "file://"); ok || strings.HasPrefix(uri, "/") {
		file, err := os.Open(path)
		return file, filepath.Base(path), err
	}
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, "", fmt.Errorf("only paths, file:, http: and https: can be fetched")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, "", fmt.Errorf("the server answers %s", response.Status)
	}
	return response.Body, filepath.Base(u.Path), nil
}

func writeFile(path string, source io.Reader, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, source); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// extract unpacks an archive that is known by its name; other files stay.
func extract(path, sandbox string) error {
	switch {
	case strings.HasSuffix(path, ".tar"):
		return extractFile(path, sandbox, func(r io.Reader) (io.Reader, error) { return r, nil })
	case strings.HasSuffix(path, ".tgz"), strings.HasSuffix(path, ".tar.gz"):
		return extractFile(path, sandbox, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	case strings.HasSuffix(path, ".zip"):
		return extractZip(path, sandbox)
	}
	return nil
}

func extractFile(path, sandbox string, unpack func(io.Reader) (io.Reader, error)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	source, err := unpack(bufio.NewReader(file))
	if err != nil {
		return err
	}
	archive := tar.NewReader(source)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := extractEntry(sandbox, header.Name, header.FileInfo(), archive); err != nil {
			return err
		}
	}
}

func extractZip(path, sandbox string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, entry := range archive.File {
		source, err := entry.Open()
		if err != nil {
			return err
		}
		err = extractEntry(sandbox, entry.Name, entry.FileInfo(), source)
		source.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// extractEntry writes a folder or a file; links and devices are left out.
func extractEntry(sandbox, name string, info os.FileInfo, source io.Reader) error {
	path, err := inSandbox(sandbox, name)
	if err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return os.MkdirAll(path, 0o755)
	case !info.Mode().IsRegular():
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return writeFile(path, source, info.Mode().Perm())
}
