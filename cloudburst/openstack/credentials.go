package openstack

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"gopkg.in/yaml.v3"
)

// credentials are who asks, and where and how.
type credentials struct {
	auth     gophercloud.AuthOptions
	endpoint gophercloud.EndpointOpts
	tls      *tls.Config
}

// environment is the name of the entry that is made of the environment's variables.
const environment = "environment"

// credentials reads an entry of clouds.yaml, or the variables OS_*, which become such an entry so that both mean the same.
func (c Config) credentials() (credentials, error) {
	entry := cmp.Or(c.Entry, os.Getenv("OS_CLOUD"))
	var source clouds.ParseOption
	var auth clouds.AuthInfo
	switch {
	case entry == "":
		cloud := fromEnvironment()
		if cloud.AuthInfo.AuthURL == "" {
			return credentials{}, errors.New("neither an entry of clouds.yaml is named nor is OS_AUTH_URL set")
		}
		text, err := yaml.Marshal(clouds.Clouds{Clouds: map[string]clouds.Cloud{environment: cloud}})
		if err != nil {
			return credentials{}, err
		}
		entry, auth, source = environment, *cloud.AuthInfo, clouds.WithCloudsYAML(bytes.NewReader(text))
	default:
		file := c.file()
		auth, source = authOf(file, entry), clouds.WithLocations(file)
	}
	options := []clouds.ParseOption{clouds.WithCloudName(entry), source}
	if c.Region != "" {
		options = append(options, clouds.WithRegion(c.Region))
	}
	if c.Interface != "" {
		options = append(options, clouds.WithEndpointType(c.Interface))
	}
	if c.CAFile != "" {
		options = append(options, clouds.WithCACertPath(c.CAFile))
	}
	who, where, how, err := clouds.Parse(options...)
	if err != nil {
		return credentials{}, err
	}
	setDomains(&who, auth)
	return credentials{auth: who, endpoint: where, tls: how}, nil
}

// file is where clouds.yaml is: as configured, OS_CLIENT_CONFIG_FILE, or the first of the usual places that has one.
func (c Config) file() string {
	if file := cmp.Or(c.File, os.Getenv("OS_CLIENT_CONFIG_FILE")); file != "" {
		return file
	}
	const name = "clouds.yaml"
	configured, _ := os.UserConfigDir()
	places := []string{name, filepath.Join(configured, "openstack", name), filepath.Join("/etc/openstack", name)}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place
		}
	}
	return name
}

// authOf is what an entry says of who asks, as far as the file itself says it.
func authOf(file, entry string) clouds.AuthInfo {
	var all clouds.Clouds
	text, err := os.ReadFile(file)
	if err != nil || yaml.Unmarshal(text, &all) != nil || all.Clouds[entry].AuthInfo == nil {
		return clouds.AuthInfo{} // Parse says what is wrong with it
	}
	return *all.Clouds[entry].AuthInfo
}

func fromEnvironment() clouds.Cloud {
	secure := true
	if insecure, err := strconv.ParseBool(os.Getenv("OS_INSECURE")); err == nil {
		secure = !insecure
	}
	return clouds.Cloud{
		RegionName: os.Getenv("OS_REGION_NAME"),
		Interface:  cmp.Or(os.Getenv("OS_INTERFACE"), os.Getenv("OS_ENDPOINT_TYPE")),
		Verify:     &secure,
		AuthInfo: &clouds.AuthInfo{
			AuthURL:                     os.Getenv("OS_AUTH_URL"),
			Username:                    os.Getenv("OS_USERNAME"),
			UserID:                      cmp.Or(os.Getenv("OS_USER_ID"), os.Getenv("OS_USERID")),
			Password:                    os.Getenv("OS_PASSWORD"),
			ProjectID:                   cmp.Or(os.Getenv("OS_PROJECT_ID"), os.Getenv("OS_TENANT_ID")),
			ProjectName:                 cmp.Or(os.Getenv("OS_PROJECT_NAME"), os.Getenv("OS_TENANT_NAME")),
			DomainID:                    os.Getenv("OS_DOMAIN_ID"),
			DomainName:                  os.Getenv("OS_DOMAIN_NAME"),
			UserDomainID:                os.Getenv("OS_USER_DOMAIN_ID"),
			UserDomainName:              os.Getenv("OS_USER_DOMAIN_NAME"),
			ProjectDomainID:             os.Getenv("OS_PROJECT_DOMAIN_ID"),
			ProjectDomainName:           os.Getenv("OS_PROJECT_DOMAIN_NAME"),
			DefaultDomain:               os.Getenv("OS_DEFAULT_DOMAIN"),
			ApplicationCredentialID:     os.Getenv("OS_APPLICATION_CREDENTIAL_ID"),
			ApplicationCredentialName:   os.Getenv("OS_APPLICATION_CREDENTIAL_NAME"),
			ApplicationCredentialSecret: os.Getenv("OS_APPLICATION_CREDENTIAL_SECRET"),
			TrustID:                     os.Getenv("OS_TRUST_ID"),
		},
	}
}

// domain is a Keystone domain by its id, or else by its name; Keystone takes no more than one of them.
type domain struct{ id, name string }

func firstDomain(candidates ...domain) domain {
	for _, d := range candidates {
		if d.id != "" {
			return domain{id: d.id}
		}
		if d.name != "" {
			return d
		}
	}
	return domain{}
}

// setDomains tells the user's domain and the project's apart, which gophercloud takes for one: Horizon's openrc names the
// one and gives the other's id, and in many institutes users are in a directory's domain and projects are not.
func setDomains(who *gophercloud.AuthOptions, auth clouds.AuthInfo) {
	general := domain{auth.DomainID, auth.DomainName}
	users, projects := domain{auth.UserDomainID, auth.UserDomainName}, domain{auth.ProjectDomainID, auth.ProjectDomainName}
	fallback := domain{auth.DefaultDomain, ""}
	user := firstDomain(users, general, projects, fallback)
	project := firstDomain(projects, general, users, fallback)
	if who.UserID != "" {
		who.Username, user = "", domain{}
	}
	if user != (domain{}) || who.UserID != "" {
		who.DomainID, who.DomainName = user.id, user.name
	}
	switch {
	case who.Scope != nil: // a trust
	case who.TenantID != "":
		who.Scope = &gophercloud.AuthScope{ProjectID: who.TenantID}
	case who.TenantName != "":
		who.Scope = &gophercloud.AuthScope{ProjectName: who.TenantName, DomainID: project.id, DomainName: project.name}
	}
}
