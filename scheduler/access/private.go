package access

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxFile bounds a file of tokens or certificates; a longer one is not what it should be.
const maxFile = 4 << 20

// readPrivate reads a file that nobody but its owner may read or write, as sshd wants it of its keys. A file of root's
// may be readable by a group: that is how a system gives a service a secret that the service cannot change.
func readPrivate(path string) ([]byte, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if err := checkPrivate(path, info); err != nil {
		return nil, info, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d MiB; is it the right file?", path, maxFile>>20)
	}
	return text, info, err
}

// CheckPrivate says what is wrong if the file at path may be read or written by others than its owner. What is no file, such
// as a pipe, is nobody's to read later.
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	return checkPrivate(path, info)
}

func checkPrivate(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	allowed := os.FileMode(0o700)
	if stat, isUnix := info.Sys().(*syscall.Stat_t); isUnix && stat.Uid == 0 {
		allowed = 0o740
	}
	if open := info.Mode().Perm() &^ allowed; open != 0 {
		return fmt.Errorf("%s is open to others (its mode is %04o): chmod 600 %[1]s", path, info.Mode().Perm())
	}
	return nil
}

// stamp tells one state of a file from another without reading it.
type stamp struct {
	dev, inode   uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func stampOf(info os.FileInfo) stamp {
	s := stamp{size: info.Size()}
	if stat, isUnix := info.Sys().(*syscall.Stat_t); isUnix {
		s.dev, s.inode, s.mtime, s.ctime = uint64(stat.Dev), stat.Ino, stat.Mtim, stat.Ctim
	}
	return s
}
