package ministack

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// cinder is what Cinder knows.
type cinder struct {
	volumes []*cinderVolume // oldest first
}

// Statuses of volumes.
const (
	volumeCreating  = "creating"
	volumeAvailable = "available"
	volumeInUse     = "in-use"
	volumeDeleting  = "deleting"
)

type cinderVolume struct {
	id, name, description string
	project               *project
	status, zone, image   string
	size                  int // GiB
	metadata              map[string]string
	created, updated      time.Time
	server                string // id of the one it is attached to
	attachment            string
	withServer            bool // it is deleted with the server
	bystander             bool
}

func cinderRoutes() []route {
	const base = "/volume/v3/{project}"
	return []route{
		{Discover, "GET", "/volume/{$}", volume, (*Cloud).volumeVersions, true},
		{Discover, "GET", "/volume/v3/{$}", volume, (*Cloud).volumeVersions, true},
		{CreateVolume, "POST", base + "/volumes", volume, (*Cloud).createVolume, false},
		{ListVolumes, "GET", base + "/volumes", volume, (*Cloud).listVolumes, false},
		{ListVolumes, "GET", base + "/volumes/detail", volume, (*Cloud).listVolumes, false},
		{ShowVolume, "GET", base + "/volumes/{volume}", volume, (*Cloud).showVolume, false},
		{UpdateVolume, "PUT", base + "/volumes/{volume}", volume, (*Cloud).updateVolume, false},
		{DeleteVolume, "DELETE", base + "/volumes/{volume}", volume, (*Cloud).deleteVolume, false},
		{ShowVolume, "GET", base + "/volumes/{volume}/metadata", volume, (*Cloud).showVolumeMetadata, false},
		{UpdateVolume, "POST", base + "/volumes/{volume}/metadata", volume, (*Cloud).setVolumeMetadata, false},
		{UpdateVolume, "PUT", base + "/volumes/{volume}/metadata", volume, (*Cloud).setVolumeMetadata, false},
		{ListVolumes, "GET", base + "/types", volume, (*Cloud).listVolumeTypes, false},
		{ShowLimits, "GET", base + "/limits", volume, (*Cloud).volumeLimits, false},
		{ShowLimits, "GET", base + "/os-quota-sets/{of}", volume, (*Cloud).volumeQuota, false},
		{ListZones, "GET", base + "/os-availability-zone", volume, (*Cloud).listZones, false},
	}
}

func (c *Cloud) volumeVersions(*request) answer {
	return ok(object{"versions": []object{{"id": "v3.0", "status": "CURRENT", "version": "3.70", "min_version": "3.0",
		"updated": "2022-08-31T00:00:00Z", "links": []object{{"rel": "self", "href": c.url + "/volume/v3/"}}}}})
}

// noVolume is how Cinder says that it will give no more.
func noVolume(message string) answer {
	a := respond(http.StatusRequestEntityTooLarge, object{"overLimit": object{"code": 413, "message": message, "retryAfter": "0"}})
	return a.with("Retry-After", "0")
}

// volumesOf is how many volumes and GiB a project has.
func (c *Cloud) volumesOf(p *project) (count, gigabytes int) {
	for _, v := range c.volumes {
		if v.project == p {
			count++
			gigabytes += v.size
		}
	}
	return count, gigabytes
}

func (c *Cloud) newVolume(p *project, name string, size int) *cinderVolume {
	now := c.Now()
	v := &cinderVolume{id: c.newID(), name: name, project: p, size: size, status: volumeCreating, zone: c.zones[0].Name,
		metadata: map[string]string{}, created: now, updated: now}
	c.volumes = append(c.volumes, v)
	return v
}

type volumeRequest struct {
	Volume *struct {
		Size             any
		Name             *string
		Description      *string
		ImageRef         string            `json:"imageRef"`
		AvailabilityZone string            `json:"availability_zone"`
		Metadata         map[string]string `json:"metadata"`
	}
}

func (c *Cloud) createVolume(r *request) answer {
	var in volumeRequest
	if err := r.decode(&in); err != nil || in.Volume == nil {
		return badRequest("Invalid input received: Missing required element 'volume' in request body.")
	}
	var size int
	if _, err := fmt.Sscan(textOf(in.Volume.Size), &size); err != nil || size < 1 {
		return invalidInput("size", textOf(in.Volume.Size), textOf(in.Volume.Size)+" is less than the minimum of 1")
	}
	if ref := in.Volume.ImageRef; ref != "" && c.imageOf(ref, r.token.project) == nil {
		return badRequest("Invalid image identifier or unable to access requested image.")
	}
	if refused := c.roomForVolume(r.token.project, size); refused != nil {
		return *refused
	}
	v := c.newVolume(r.token.project, "", size)
	set(&v.name, in.Volume.Name)
	set(&v.description, in.Volume.Description)
	v.image = in.Volume.ImageRef
	if in.Volume.AvailabilityZone != "" {
		v.zone = in.Volume.AvailabilityZone
	}
	if in.Volume.Metadata != nil {
		v.metadata = in.Volume.Metadata
	}
	view := c.viewVolume(v)
	c.after(c.opts.ActionTime, func() {
		if v.status == volumeCreating {
			v.status, v.updated = volumeAvailable, c.Now()
		}
	})
	return respond(http.StatusAccepted, object{"volume": view})
}

func (c *Cloud) roomForVolume(p *project, size int) *answer {
	count, gigabytes := c.volumesOf(p)
	var refused answer
	switch {
	case p.quota.Volumes >= 0 && count >= p.quota.Volumes:
		refused = noVolume(fmt.Sprintf("VolumeLimitExceeded: Maximum number of volumes allowed (%d) exceeded for quota 'volumes'.", p.quota.Volumes))
	case p.quota.Gigabytes >= 0 && gigabytes+size > p.quota.Gigabytes:
		refused = noVolume(fmt.Sprintf("VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "+
			"Requested %dG, quota is %dG and %dG has been consumed.", size, p.quota.Gigabytes, gigabytes))
	default:
		return nil
	}
	return &refused
}

func (c *Cloud) listVolumes(r *request) answer {
	query := r.URL.Query()
	var found []*cinderVolume
	for _, v := range slices.Backward(c.volumes) { // newest first
		if v.project != r.token.project || query.Has("name") && query.Get("name") != v.name || query.Has("status") && query.Get("status") != v.status {
			continue
		}
		found = append(found, v)
	}
	from, to, links, refused := c.page(r, len(found), func(i int) string { return found[i].id })
	if refused != nil {
		return *refused
	}
	views := []object{}
	for _, v := range found[from:to] {
		views = append(views, c.viewVolume(v))
	}
	return ok(withLinks(object{"volumes": views}, "volumes_links", links))
}

// withVolume does something with the volume that a call names.
func (c *Cloud) withVolume(r *request, changes bool, fn func(*cinderVolume) answer) answer {
	id := r.PathValue("volume")
	for _, v := range c.volumes {
		if v.id == id && (v.project == r.token.project || r.token.user.admin()) {
			if changes {
				c.touch(v.bystander, r)
				v.updated = c.Now()
			}
			return fn(v)
		}
	}
	return notFound("Volume " + id + " could not be found.")
}

func (c *Cloud) showVolume(r *request) answer {
	return c.withVolume(r, false, func(v *cinderVolume) answer { return ok(object{"volume": c.viewVolume(v)}) })
}

func (c *Cloud) updateVolume(r *request) answer {
	var in volumeRequest
	if err := r.decode(&in); err != nil || in.Volume == nil {
		return badRequest("Invalid input received: Missing required element 'volume' in request body.")
	}
	return c.withVolume(r, true, func(v *cinderVolume) answer {
		set(&v.name, in.Volume.Name)
		set(&v.description, in.Volume.Description)
		if in.Volume.Metadata != nil {
			v.metadata = in.Volume.Metadata
		}
		return ok(object{"volume": c.viewVolume(v)})
	})
}

func (c *Cloud) deleteVolume(r *request) answer {
	return c.withVolume(r, true, func(v *cinderVolume) answer {
		if v.status != volumeAvailable && v.status != "error" {
			return badRequest("Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and " +
				"must not be migrating, attached, belong to a group, have snapshots or be disassociated from snapshots after volume transfer.")
		}
		if r.fault == nil || r.fault.Effect != Ignore {
			v.status = volumeDeleting
			c.after(c.opts.ActionTime, func() { c.dropVolume(v) })
		}
		return empty(http.StatusAccepted)
	})
}

func (c *Cloud) dropVolume(gone *cinderVolume) {
	c.volumes = slices.DeleteFunc(c.volumes, func(v *cinderVolume) bool { return v == gone })
}

func (c *Cloud) showVolumeMetadata(r *request) answer {
	return c.withVolume(r, false, func(v *cinderVolume) answer { return ok(object{"metadata": v.metadata}) })
}

func (c *Cloud) setVolumeMetadata(r *request) answer {
	var in struct{ Metadata map[string]string }
	if err := r.decode(&in); err != nil || in.Metadata == nil {
		return badRequest("Invalid input received: Missing required element 'metadata' in request body.")
	}
	return c.withVolume(r, true, func(v *cinderVolume) answer {
		v.metadata = merged(v.metadata, in.Metadata, r.Method == http.MethodPut)
		return ok(object{"metadata": v.metadata})
	})
}

func (c *Cloud) viewVolume(v *cinderVolume) object {
	attachments := []object{}
	if v.server != "" {
		attachments = append(attachments, object{"id": v.id, "attachment_id": v.attachment, "volume_id": v.id, "server_id": v.server,
			"host_name": nil, "device": "/dev/vda", "attached_at": micros(v.updated)})
	}
	bootable := "false"
	if v.image != "" {
		bootable = "true"
	}
	self := c.url + "/volume/v3/" + v.project.id + "/volumes/" + v.id
	return object{
		"id": v.id, "name": orNull(v.name), "description": orNull(v.description), "status": v.status, "size": v.size,
		"availability_zone": v.zone, "created_at": micros(v.created), "updated_at": micros(v.updated), "attachments": attachments,
		"metadata": v.metadata, "bootable": bootable, "encrypted": false, "multiattach": false, "volume_type": "__DEFAULT__",
		"snapshot_id": nil, "source_volid": nil, "replication_status": nil, "consistencygroup_id": nil, "migration_status": nil,
		"user_id": nil, "os-vol-tenant-attr:tenant_id": v.project.id, "links": []object{{"rel": "self", "href": self}},
	}
}

func (c *Cloud) listVolumeTypes(*request) answer {
	return ok(object{"volume_types": []object{{"id": "default", "name": "__DEFAULT__", "is_public": true, "description": "Default Volume Type",
		"extra_specs": object{}, "os-volume-type-access:is_public": true}}})
}

func (c *Cloud) volumeLimits(r *request) answer {
	count, gigabytes := c.volumesOf(r.token.project)
	quota := r.token.project.quota
	return ok(object{"limits": object{"rate": []object{}, "absolute": object{
		"maxTotalVolumes": quota.Volumes, "totalVolumesUsed": count, "maxTotalVolumeGigabytes": quota.Gigabytes, "totalGigabytesUsed": gigabytes,
		"maxTotalSnapshots": 10, "totalSnapshotsUsed": 0, "maxTotalBackups": 10, "totalBackupsUsed": 0,
		"maxTotalBackupGigabytes": 1000, "totalBackupGigabytesUsed": 0}}})
}

func (c *Cloud) volumeQuota(r *request) answer {
	count, gigabytes := c.volumesOf(r.token.project)
	quota := r.token.project.quota
	if r.URL.Query().Get("usage") == "" {
		return ok(object{"quota_set": object{"id": r.PathValue("of"), "volumes": quota.Volumes, "gigabytes": quota.Gigabytes}})
	}
	use := func(limit, used int) object { return object{"limit": limit, "in_use": used, "reserved": 0} }
	return ok(object{"quota_set": object{"id": r.PathValue("of"), "volumes": use(quota.Volumes, count), "gigabytes": use(quota.Gigabytes, gigabytes)}})
}
