package minimesos

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// maxRead is the most that one read of a file returns: 16 pages
// (FilesProcess::_read in src/files/files.cpp).
const maxRead = 16 * 4096

// fileError is a refusal of the files API.
type fileError struct {
	status int
	text   string
}

func (e *fileError) Error() string { return e.text }

func (e *fileError) answer() answer { return text(e.status, e.text) }

var errNoFile = &fileError{status: http.StatusNotFound}

// disk is where an agent's sandboxes are. root is a sandbox, and path the file or folder in it that is asked for: what
// does not lie in root, also behind symbolic links, is refused.
type disk interface {
	// list describes what is in a folder, by the bare names.
	list(root, path string) ([]mesos.FileInfo, *fileError)
	// read reads at most length bytes (and never more than maxRead; all there
	// is for a negative length) at offset, and returns the file's size as well.
	read(root, path string, offset, length int64) (data []byte, size int64, problem *fileError)
}

// localDisk is this machine's.
type localDisk struct{}

// attachments are the paths under which an agent shows folders (paths of
// FilesProcess in src/files/files.cpp), which it reads outside the loop: a
// large file does not keep the cluster waiting.
type attachments struct {
	mu    sync.Mutex
	roots map[string]string // path -> folder
}

// attach shows an executor's folder under its own path, and under those of
// the executor's latest run (Framework::addExecutor in src/slave/slave.cpp).
// Like an agent's they stay when the executor has ended.
func (a *agent) attach(x *executor) {
	a.attached.mu.Lock()
	defer a.attached.mu.Unlock()
	if a.attached.roots == nil {
		a.attached.roots = map[string]string{}
	}
	a.attached.roots[x.dir] = x.dir
	a.attached.roots[filepath.Join(filepath.Dir(x.dir), "latest")] = x.dir
	a.attached.roots["/frameworks/"+x.framework+"/executors/"+x.id+"/runs/latest"] = x.dir
}

// detach hides all folders of a framework: what an agent does not recover it
// does not show.
func (a *agent) detach(framework string) {
	a.attached.mu.Lock()
	defer a.attached.mu.Unlock()
	maps.DeleteFunc(a.attached.roots, func(path, _ string) bool {
		return strings.Contains(path, "/frameworks/"+framework+"/")
	})
}

func (t *attachments) root(path string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	root, ok := t.roots[path]
	return root, ok
}

func valuesOf[V any](m map[string]V) []V {
	out := make([]V, 0, len(m))
	for _, key := range sortedKeys(m) {
		out = append(out, m[key])
	}
	return out
}

// locate finds the sandbox, and the file in it, behind a path of the files API.
func (t *attachments) locate(path string) (root, file string, problem *fileError) {
	path = filepath.Clean(path)
	for prefix := path; ; prefix = filepath.Dir(prefix) {
		if root, ok := t.root(prefix); ok {
			return root, filepath.Join(root, strings.TrimPrefix(path, prefix)), nil
		}
		if prefix == "/" || prefix == "." {
			return "", "", errNoFile
		}
	}
}

func resolveIn(root, path string) (string, *fileError) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", errNoFile
	}
	if err != nil {
		return "", &fileError{http.StatusBadRequest, fmt.Sprintf("Failed to determine canonical path of '%s': %v.\n", path, err)}
	}
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil || (real != realRoot && !strings.HasPrefix(real, realRoot+"/")) {
		return "", &fileError{http.StatusBadRequest, "'" + path + "' is inaccessible.\n"}
	}
	return real, nil
}

// browse lists a folder of a sandbox, by path.
func (a *agent) browse(path string) ([]mesos.FileInfo, *fileError) {
	root, dir, problem := a.attached.locate(path)
	if problem != nil {
		return nil, problem
	}
	infos, problem := a.runner.list(root, dir)
	for i := range infos {
		infos[i].Path = filepath.Join(path, infos[i].Path)
	}
	return infos, problem
}

// readFile reads from a file of a sandbox, by path; see disk.
func (a *agent) readFile(path string, offset, length int64) (data []byte, size int64, problem *fileError) {
	root, file, problem := a.attached.locate(path)
	if problem != nil {
		return nil, 0, problem
	}
	return a.runner.read(root, file, offset, length)
}

func (localDisk) list(root, path string) ([]mesos.FileInfo, *fileError) {
	dir, problem := resolveIn(root, path)
	if problem != nil {
		return nil, problem
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errNoFile
	}
	var out []mesos.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue // it has been removed meanwhile
		}
		out = append(out, fileInfo(entry.Name(), info))
	}
	return out, nil
}

func fileInfo(path string, info os.FileInfo) mesos.FileInfo {
	size := uint64(info.Size())
	out := mesos.FileInfo{Path: path, Size_: &size, Mtime: &mesos.TimeInfo{Nanoseconds: info.ModTime().Unix() * 1e9}}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		links, mode := int32(stat.Nlink), stat.Mode
		uid, gid := userName(stat.Uid), groupName(stat.Gid)
		out.Nlink, out.Mode, out.UID, out.GID = &links, &mode, &uid, &gid
	}
	return out
}

func userName(id uint32) string {
	number := strconv.Itoa(int(id))
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}

func groupName(id uint32) string {
	number := strconv.Itoa(int(id))
	if g, err := user.LookupGroupId(number); err == nil {
		return g.Name
	}
	return number
}

func (localDisk) read(root, path string, offset, length int64) (data []byte, size int64, problem *fileError) {
	real, problem := resolveIn(root, path)
	if problem != nil {
		return nil, 0, problem
	}
	file, err := os.Open(real)
	if err != nil {
		return nil, 0, &fileError{http.StatusInternalServerError, fmt.Sprintf("Failed to open file at '%s': %v.\n", real, err)}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return nil, 0, &fileError{http.StatusBadRequest, "Cannot read a directory.\n"}
	}
	size = info.Size()
	if offset >= size || length == 0 {
		return nil, size, nil
	}
	if length < 0 {
		length = size - offset
	}
	data, err = io.ReadAll(io.NewSectionReader(file, offset, min(length, maxRead)))
	if err != nil {
		return nil, 0, &fileError{http.StatusInternalServerError, fmt.Sprintf("Failed to read file at '%s': %v.\n", real, err)}
	}
	return data, size, nil
}

// serveBrowse answers GET /files/browse.
func (a *agent) serveBrowse(w http.ResponseWriter, r *http.Request) { a.browseQuery(r).write(w) }

func (a *agent) browseQuery(r *http.Request) answer {
	path := r.URL.Query().Get("path")
	if path == "" {
		return badRequest("Expecting 'path=value' in query.\n")
	}
	infos, problem := a.browse(path)
	if problem != nil {
		return problem.answer()
	}
	out := []object{}
	for i := range infos {
		info := &infos[i]
		out = append(out, object{"path": info.Path, "size": info.GetSize_(), "nlink": info.GetNlink(),
			"mode": modeString(info.GetMode()), "mtime": info.GetMtime().Nanoseconds / 1e9,
			"uid": info.GetUID(), "gid": info.GetGID()})
	}
	return jsonAnswer(out)
}

// modeString writes permissions as ls does.
func modeString(mode uint32) string {
	kind := "-"
	switch mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		kind = "d"
	case syscall.S_IFLNK:
		kind = "l"
	}
	return kind + os.FileMode(mode & 0o777).String()[1:]
}

// serveRead answers GET /files/read.
func (a *agent) serveRead(w http.ResponseWriter, r *http.Request) { a.readQuery(r).write(w) }

func (a *agent) readQuery(r *http.Request) answer {
	query := r.URL.Query()
	path := query.Get("path")
	if path == "" {
		return badRequest("Expecting 'path=value' in query.\n")
	}
	offset, problem := numberIn(query.Get("offset"), "offset")
	if problem != nil {
		return *problem
	}
	length, problem := numberIn(query.Get("length"), "length")
	if problem != nil {
		return *problem
	}
	at, n := offset, length
	if offset == -1 { // asks for the size
		at, n = 0, 0
	}
	data, size, refused := a.readFile(path, at, n)
	if refused != nil {
		return refused.answer()
	}
	if offset == -1 {
		offset = size
	}
	return jsonAnswer(object{"data": string(data), "offset": offset})
}

// numberIn reads a number of a query, -1 where there is none.
func numberIn(value, name string) (int64, *answer) {
	if value == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	var refusal answer
	switch {
	case err != nil:
		refusal = badRequest("Failed to parse " + name + ": Failed to convert '" + value + "' to number.\n")
	case n < -1:
		refusal = badRequest(fmt.Sprintf("Negative %s provided: %d.\n", name, n))
	default:
		return n, nil
	}
	return 0, &refusal
}
