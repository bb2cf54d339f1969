package openstack

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"os"
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
	var options []clouds.ParseOption
	add := func(value string, option func(string) clouds.ParseOption) {
		if value != "" {
			options = append(options, option(value))
		}
	}
	entry := cmp.Or(c.Entry, os.Getenv("OS_CLOUD"))
	if entry == "" {
		text, err := fromEnvironment()
		if err != nil {
			return credentials{}, err
		}
		entry = environment
		options = append(options, clouds.WithCloudsYAML(bytes.NewReader(text)))
	}
	add(entry, clouds.WithCloudName)
	add(c.File, func(file string) clouds.ParseOption { return clouds.WithLocations(file) })
	add(c.Region, clouds.WithRegion)
	add(c.Interface, clouds.WithEndpointType)
	add(c.CAFile, clouds.WithCACertPath)
	who, where, how, err := clouds.Parse(options...)
	if err != nil {
		return credentials{}, err
	}
	settleDomains(&who)
	return credentials{auth: who, endpoint: where, tls: how}, nil
}

// fromEnvironment is a clouds.yaml with what the variables OS_* say.
func fromEnvironment() ([]byte, error) {
	if os.Getenv("OS_AUTH_URL") == "" {
		return nil, errors.New("neither an entry of clouds.yaml is named nor is OS_AUTH_URL set")
	}
	insecure, _ := strconv.ParseBool(os.Getenv("OS_INSECURE")) // whatever is no boolean is no permission
	secure := !insecure
	return yaml.Marshal(clouds.Clouds{Clouds: map[string]clouds.Cloud{environment: {
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
			ApplicationCredentialID:     os.Getenv("OS_APPLICATION_CREDENTIAL_ID"),
			ApplicationCredentialName:   os.Getenv("OS_APPLICATION_CREDENTIAL_NAME"),
			ApplicationCredentialSecret: os.Getenv("OS_APPLICATION_CREDENTIAL_SECRET"),
			TrustID:                     os.Getenv("OS_TRUST_ID"),
		},
	}}})
}

// settleDomains gives the user's domain and the project's by exactly one of id and name, as Keystone takes them: people give
// both, or one for both. A user's id needs none.
func settleDomains(who *gophercloud.AuthOptions) {
	scope := who.Scope
	if scope == nil {
		scope = &gophercloud.AuthScope{}
	}
	if scope.ProjectName != "" && scope.DomainID+scope.DomainName == "" {
		scope.DomainID, scope.DomainName = who.DomainID, who.DomainName
	}
	switch {
	case who.UserID != "":
		who.Username, who.DomainID, who.DomainName = "", "", ""
	case who.DomainID+who.DomainName == "" && scope.ProjectName != "":
		who.DomainID, who.DomainName = scope.DomainID, scope.DomainName
	}
	if who.DomainID != "" {
		who.DomainName = ""
	}
	if scope.DomainID != "" {
		scope.DomainName = ""
	}
}
