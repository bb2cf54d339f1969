package config

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/lisa-dpc/spillway/scheduler/strictyaml"
)

const referenceFile = "../../docs/burst.md"

// reference describes the language. The names in links are those of headings.
var reference = strictyaml.Reference{
	Language: &language,
	Comments: comments(),
	Words: map[reflect.Type]string{
		reflect.TypeFor[Scheduler]():      "[scheduler](#scheduler)",
		reflect.TypeFor[Mesos]():          "[mesos](#mesos)",
		reflect.TypeFor[Cloud]():          "[clouds](#clouds)",
		reflect.TypeFor[Pool]():           "[pools](#pools)",
		reflect.TypeFor[Caps]():           "[caps](#caps)",
		reflect.TypeFor[Calendar]():       "[calendar](#calendar)",
		reflect.TypeFor[Closed]():         "[times](#calendar)",
		reflect.TypeFor[Sweep]():          "[sweep](#sweep)",
		reflect.TypeFor[Image]():          "[image](#image)",
		reflect.TypeFor[Volume]():         "[volume](#volume)",
		reflect.TypeFor[Flavor]():         "[flavors](#flavors)",
		reflect.TypeFor[AtLeast]():        "what it has, below",
		reflect.TypeFor[Warm]():           "[warm](#warm)",
		reflect.TypeFor[Deadlines]():      "[deadlines](#deadlines)",
		reflect.TypeFor[StageDeadlines](): "[deadlines](#deadlines)",
		reflect.TypeFor[Drain]():          "[drain](#drain)",
		reflect.TypeFor[Agent]():          "[agent](#agent)",
		reflect.TypeFor[Packages]():       "packages, below",
		reflect.TypeFor[Reserve]():        "what is left, below",
		reflect.TypeFor[Registry]():       "registries, below",
		reflect.TypeFor[Clock]():          "time of day",
		reflect.TypeFor[Zone]():           "time zone of the IANA",
	},
	Limits: map[string]string{
		"Config.clouds":     "at least 1",
		"Config.pools":      "at least 1",
		"Mesos.principal":   "with secret_file",
		"Pool.idle":         "not longer than lease",
		"Volume.size":       "more than 0",
		"Warm.ready":        "not more than the pool's caps.vms",
		"Warm.stopped":      "0 with `afterwards: delete`",
		"Agent.flags":       "none that another field says, such as master or resources",
		"Agent.env":         "none that begins with `MESOS_`",
		"Agent.work_dir":    "absolute",
		"Packages.archive":  "with sha256",
		"Pool.attributes":   "values have letters, digits and any of `_ / . -`",
		"Closed.days":       "at least 1",
		"Scheduler.url":     "`http://` or `https://`, without a path",
		"Agent.master_urls": "`http://` or `https://`",
		"Cloud.entry":       "not with `credentials: env`",
		"Cloud.file":        "not with `credentials: env`",
		"Machine.image":     "with the cloud or the pool",
		"Agent.master":      "must be given where masters names several",
		"Registry.host":     "host or host:port",
		"Packages.key_file": "with source",
		"Mesos.secret_file": "with principal",
		"Pool.clouds":       "at least 1, none twice",
		"Flavor.clouds":     "of those of the pool",
		"Machine.zones":     "none twice",
		"Machine.networks":  "none twice",
		"Packages.names":    "at least 1 unless there is an archive",
		"Pool.flavors":      "at least 1",
		"Mesos.masters":     "at least 1; zk:// alone",
		"Packages.source":   "begins with deb",
		"Packages.sha256":   "with archive",
	},
}

// TestReference keeps the tables of the reference equal to the types of the language, their comments and tags.
func TestReference(t *testing.T) {
	parts := map[string]string{"names": reference.Names()}
	for section := range language.Sections() {
		parts[section.Name()] = reference.Fields(section)
	}
	text, err := strictyaml.Fill(readFile(t, referenceFile), parts)
	if err != nil {
		t.Fatalf("%s: %v", referenceFile, err)
	}
	golden(t, referenceFile, text)
}

// TestReferenceLimitsAreOfFields: none is told of a field that is not there.
func TestReferenceLimitsAreOfFields(t *testing.T) {
	fields := map[string]bool{}
	for section, all := range language.Sections() {
		for _, f := range all {
			fields[section.Name()+"."+f.Name] = true
		}
	}
	for name := range reference.Limits {
		if !fields[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestReferenceExamples parse, and its links within the page lead to headings.
func TestReferenceExamples(t *testing.T) {
	text := readFile(t, referenceFile)
	whole := 0
	for _, e := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if strings.Contains(e[1], "cluster:") {
			parse(t, e[1])
			whole++
		}
	}
	if whole == 0 {
		t.Error("no example is a whole file")
	}
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchors[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	for _, link := range regexp.MustCompile(`\]\(#(.*?)\)`).FindAllStringSubmatch(text, -1) {
		if !anchors[link[1]] {
			t.Errorf("no heading for #%s", link[1])
		}
	}
}

// TestGuideExample: the burst.yaml of the operators' guide is sound.
func TestGuideExample(t *testing.T) {
	found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readFile(t, "../../docs/bursting.md"), -1)
	if len(found) != 1 {
		t.Fatalf("docs/bursting.md has %d examples", len(found))
	}
	parse(t, strings.ReplaceAll("\n"+found[0][1], "\n   ", "\n")) // it stands in a list
}
