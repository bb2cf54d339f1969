package strictyaml

// Limits of a file. What exceeds one is refused with a message that names the limit.
const (
	MaxBytes    = 1 << 20 // of the YAML text
	MaxNodes    = 100_000 // of the YAML document, after each alias is replaced by what it stands for
	MaxDepth    = 50      // of mappings and lists in each other
	MaxProblems = 100     // that are told at once
)
