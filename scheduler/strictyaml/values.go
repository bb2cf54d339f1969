package strictyaml

// Entry is one key of a mapping with its value.
type Entry[T any] struct {
	Name  string
	Value T
}

// Entries is a mapping whose order matters.
type Entries[T any] []Entry[T]

// Names gives the keys in their order.
func (e Entries[T]) Names() []string {
	names := make([]string, len(e))
	for i, x := range e {
		names[i] = x.Name
	}
	return names
}

// Get gives the value of a key.
func (e Entries[T]) Get(name string) (value T, found bool) {
	for _, x := range e {
		if x.Name == name {
			return x.Value, true
		}
	}
	return value, false
}

// Plain is text, or a number or truth value taken as the text that was written.
type Plain string

// Size is an amount of memory or disk space in MiB.
type Size int64

// CPUs is a number of cpus in thousandths.
type CPUs int64
