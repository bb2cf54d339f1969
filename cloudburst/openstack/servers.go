package openstack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/flavors"
	"github.com/gophercloud/gophercloud/v2/openstack/compute/v2/servers"
	"github.com/gophercloud/gophercloud/v2/pagination"

	"github.com/lisa-dpc/spillway/cloudburst/vm"
)

// name is what a server, and its volume, of a machine is called.
func name(cluster, intent string) string { return "spillway-" + cluster + "-" + intent }

// Servers are the servers of a cluster's machines in every status, oldest first. There may be several of one intent, if the cloud has
// made more than was asked for: Boot with that intent, or Delete of all but one, puts an end to it.
func (c *Cloud) Servers(ctx context.Context, cluster string) ([]Server, error) {
	found, err := c.servers(ctx, "listing servers", servers.ListOpts{}, map[string]string{vm.KeyCluster: cluster})
	// What is of no machine is not ours, whoever has given it the cluster's tag.
	return slices.DeleteFunc(found, func(s Server) bool { return s.Metadata[vm.KeyIntent] == "" }), err
}

// ofIntent are the servers of one machine, oldest first: usually none or one.
func (c *Cloud) ofIntent(ctx context.Context, cluster, intent string) ([]Server, error) {
	doing := "looking for server " + name(cluster, intent)
	// Nova takes the name as a regular expression; the tags decide, so a cloud that takes it otherwise does no harm.
	options := servers.ListOpts{Name: "^" + regexp.QuoteMeta(name(cluster, intent)) + "$"}
	return c.servers(ctx, doing, options, map[string]string{vm.KeyCluster: cluster, vm.KeyIntent: intent})
}

func (c *Cloud) servers(ctx context.Context, doing string, options servers.ListOpts, tags map[string]string) ([]Server, error) {
	listed, err := all(ctx, servers.List(c.compute, options), servers.ExtractServers)
	if err != nil {
		return nil, failure(look, doing, err)
	}
	found := []Server{}
	for i := range listed {
		if !tagged(listed[i].Metadata, tags) {
			continue
		}
		s, err := c.server(ctx, &listed[i])
		if err != nil {
			return nil, err
		}
		found = append(found, s)
	}
	slices.SortFunc(found, func(a, b Server) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return found, nil
}

// tagged says whether metadata holds all of the tags.
func tagged(metadata, tags map[string]string) bool {
	for key, value := range tags {
		if has, ok := metadata[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// all is what is on all pages of a list. The last of one page is where the next begins; if it is deleted meanwhile, Nova and
// Cinder refuse to go on, and the list is read anew.
func all[T any](ctx context.Context, pager pagination.Pager, extract func(pagination.Page) ([]T, error)) ([]T, error) {
	const readings = 4
	for n := 1; ; n++ {
		var found []T
		err := pager.EachPage(ctx, func(_ context.Context, page pagination.Page) (bool, error) {
			some, err := extract(page)
			found = append(found, some...)
			return err == nil, err
		})
		if n == readings || !lostMarker(err) {
			return found, err
		}
	}
}

func lostMarker(err error) bool {
	var answer gophercloud.ErrUnexpectedResponseCode
	return errors.As(err, &answer) && (answer.Actual == http.StatusBadRequest || answer.Actual == http.StatusNotFound) &&
		bytes.Contains(answer.Body, []byte("marker"))
}

// server is a server in our terms.
func (c *Cloud) server(ctx context.Context, s *servers.Server) (Server, error) {
	flavor, err := c.flavorName(ctx, s)
	if err != nil {
		return Server{}, err
	}
	return Server{
		ID: s.ID, Name: s.Name, Status: s.Status, Task: s.TaskState, Fault: c.fault(ctx, s),
		Created: s.Created, Updated: s.Updated, Launched: s.LaunchedAt,
		Zone: s.AvailabilityZone, Flavor: flavor, Metadata: s.Metadata, Addresses: addresses(s.Addresses),
	}, nil
}

// fault is what Nova says is wrong with a server. Lists leave it out for those that no host was found for, as these are in a
// database of their own (cell0), so they are asked for by id. Without an answer it stays empty until the next look.
func (c *Cloud) fault(ctx context.Context, s *servers.Server) string {
	if s.Status != "ERROR" || s.Fault.Message != "" {
		return strings.TrimSpace(s.Fault.Message)
	}
	seen, err := c.get(ctx, s.ID)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(seen.Fault.Message)
}

// flavorName is the name of a server's flavor. Nova gives its id only, so names are looked up once; that of a flavor which
// was removed since is in the server's metadata.
func (c *Cloud) flavorName(ctx context.Context, s *servers.Server) (string, error) {
	id, _ := s.Flavor["id"].(string)
	c.mu.Lock()
	known, ok := c.flavors[id]
	c.mu.Unlock()
	if ok || id == "" {
		return cmp.Or(known, s.Metadata[vm.KeyFlavor]), nil
	}
	listed, err := all(ctx, flavors.ListDetail(c.compute, flavors.ListOpts{}), flavors.ExtractFlavors)
	if err != nil {
		return "", failure(look, "listing flavors", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flavors[id] = ""
	for _, f := range listed {
		c.flavors[f.ID] = f.Name
	}
	return cmp.Or(c.flavors[id], s.Metadata[vm.KeyFlavor]), nil
}

// addresses are a server's, by network, fixed ones before floating ones.
func addresses(networks map[string]any) []string {
	var fixed, floating []string
	for _, network := range slices.Sorted(maps.Keys(networks)) {
		entries, _ := networks[network].([]any)
		for _, entry := range entries {
			fields, _ := entry.(map[string]any)
			address, _ := fields["addr"].(string)
			switch {
			case address == "":
			case fields["OS-EXT-IPS:type"] == "floating":
				floating = append(floating, address)
			default:
				fixed = append(fixed, address)
			}
		}
	}
	return append(fixed, floating...)
}

// longestValue is the length of a value of metadata, in characters (Nova's API).
const longestValue = 255

func cut(value string) string {
	if runes := []rune(value); len(runes) > longestValue {
		return string(runes[:longestValue-1]) + "…"
	}
	return value
}

// SetMetadata sets keys of a server's metadata and leaves the others; an empty value removes its key. Values that are too
// long for Nova are cut.
func (c *Cloud) SetMetadata(ctx context.Context, id string, values map[string]string) error {
	doing := "setting metadata of server " + id
	set := servers.MetadataOpts{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if values[key] != "" {
			set[key] = cut(values[key])
			continue
		}
		err := failure(look, doing, servers.DeleteMetadatum(ctx, c.compute, id, key).ExtractErr())
		if err != nil && KindOf(err) != NotFound { // neither the key nor, perhaps, the server
			return err
		}
	}
	if len(set) == 0 {
		return nil
	}
	_, err := servers.UpdateMetadata(ctx, c.compute, id, set).Extract()
	return failure(change, doing, err)
}

// get is a server by its id.
func (c *Cloud) get(ctx context.Context, id string) (*servers.Server, error) {
	s, err := servers.Get(ctx, c.compute, id).Extract()
	return s, failure(change, "looking at server "+id, err)
}

// Start starts a server that is shut off or shelved. One that runs, or is on its way, is left alone.
func (c *Cloud) Start(ctx context.Context, id string) error {
	s, err := c.get(ctx, id)
	if err != nil {
		return err
	}
	doing := "starting server " + s.Name
	switch {
	case s.Status == "ACTIVE" && s.TaskState == "", s.TaskState == "powering-on", s.TaskState == "unshelving", s.TaskState == "spawning":
		return nil
	case strings.HasPrefix(s.Status, "SHELVED"):
		return failure(change, doing, servers.Unshelve(ctx, c.compute, id, servers.UnshelveOpts{}).ExtractErr())
	}
	return failure(change, doing, servers.Start(ctx, c.compute, id).ExtractErr())
}

// Stop shuts a server off; it keeps its host's room, its addresses and its place in the quota.
func (c *Cloud) Stop(ctx context.Context, id string) error {
	s, err := c.get(ctx, id)
	if err != nil {
		return err
	}
	if s.Status == "SHUTOFF" || s.TaskState == "powering-off" {
		return nil
	}
	return failure(change, "stopping server "+s.Name, servers.Stop(ctx, c.compute, id).ExtractErr())
}

// Shelve makes an image of a server's disk and gives its host's room back; it keeps its addresses and its place in the quota
// (Nova counts shelved servers).
func (c *Cloud) Shelve(ctx context.Context, id string) error {
	s, err := c.get(ctx, id)
	if err != nil {
		return err
	}
	if strings.HasPrefix(s.Status, "SHELVED") || strings.HasPrefix(s.TaskState, "shelving") {
		return nil
	}
	return failure(change, "shelving server "+s.Name, servers.Shelve(ctx, c.compute, id).ExtractErr())
}

// Console is the end of what a server has written to its console, so many lines of it; 0: all that the cloud keeps.
func (c *Cloud) Console(ctx context.Context, id string, lines int) (string, error) {
	text, err := servers.ShowConsoleOutput(ctx, c.compute, id, servers.ShowConsoleOutputOpts{Length: lines}).Extract()
	return text, failure(change, "reading the console of server "+id, err)
}
