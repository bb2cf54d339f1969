# The configuration of the services, in STATE/conf, and clouds.yaml. Sourced by up.
# shellcheck shell=bash

# service_credentials are what a service needs to log in at Keystone: all of them are one user.
service_credentials="auth_type = password
auth_url = $KEYSTONE
username = service
password = $SERVICE_PASSWORD
project_name = service
user_domain_name = Default
project_domain_name = Default"

# token_cache_time: a token that was revoked works on for that long. To ask Keystone each time (-1) makes the creation of
# a server take many seconds: the services make some 60 requests to each other for it, with two tokens in each.
every_service="[oslo_concurrency]
lock_path = $STATE/lock
[oslo_messaging_rabbit]
rabbit_retry_backoff = 1
[oslo_messaging_notifications]
driver = noop
[keystone_authtoken]
www_authenticate_uri = $KEYSTONE
token_cache_time = 5
$service_credentials"

messages="transport_url = rabbit://guest:guest@127.0.0.1:$AMQP_PORT/"

cat >"$STATE/conf/keystone.conf" <<END
[database]
connection = $(database keystone)
[token]
expiration = $token_ttl
[fernet_tokens]
key_repository = $STATE/fernet
[credential]
key_repository = $STATE/credential
[cache]
# in the process: hence one process of Keystone
enabled = true
backend = dogpile.cache.memory
[identity]
# cheap password hashes: a log-in takes 10 ms rather than 250
password_hash_rounds = 4
END

cat >"$STATE/conf/placement.conf" <<END
[placement_database]
connection = $(database placement)
$every_service
END

cat >"$STATE/conf/glance.conf" <<END
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $GLANCE_PORT
workers = 0
[database]
connection = $(database glance)
[paste_deploy]
flavor = keystone
config_file = $PACKAGES/usr/share/glance-common/glance-api-paste.ini
[glance_store]
stores = file
default_store = file
filesystem_store_datadir = $STATE/images
$every_service
END

cat >"$STATE/conf/neutron.conf" <<END
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $NEUTRON_PORT
api_paste_config = $PACKAGES/usr/share/neutron-common/api-paste.ini
state_path = $STATE/neutron
core_plugin = ml2
service_plugins = router
api_workers = 1
rpc_workers = 1
rpc_state_report_workers = 0
dhcp_agent_notification = false
$messages
[database]
connection = $(database neutron)
[ml2]
type_drivers = local
tenant_network_types = local
mechanism_drivers = loopback
extension_drivers = port_security
[nova]
$service_credentials
$every_service
END

cat >"$STATE/conf/nova.conf" <<END
[DEFAULT]
my_ip = 127.0.0.1
state_path = $STATE/nova
enabled_apis = osapi_compute
osapi_compute_listen = 127.0.0.1
osapi_compute_listen_port = $NOVA_PORT
osapi_compute_workers = 1
# nobody says "the port is plugged"
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
reserved_host_memory_mb = 0
# a compute host that stops counts as down after service_down_time seconds
report_interval = 3
# no random delay before the first periodic task, by which the scheduler finds a new host
periodic_fuzzy_delay = 0
service_down_time = 12
rpc_response_timeout = 20
long_rpc_timeout = 60
$messages
[wsgi]
api_paste_config = $PACKAGES/usr/share/nova-common/api-paste.ini
[scheduler]
workers = 1
discover_hosts_in_cells_interval = 2
[conductor]
workers = 1
[vnc]
enabled = false
[glance]
$service_credentials
[placement]
$service_credentials
[neutron]
$service_credentials
[service_user]
# what takes long goes on although its user's token expires meanwhile
send_service_user_token = true
$service_credentials
$every_service
END

# apart, because nova-compute must know no database
cat >"$STATE/conf/nova-db.conf" <<END
[database]
connection = $(database nova)
[api_database]
connection = $(database nova_api)
END

# Neutron's plug-in loader wants the mechanism driver as a module and an entry point of a "distribution".
cp "$here"/{loopback_ml2,fake_virt}.py "$STATE/py/"
mkdir -p "$STATE/py/loopback_ml2-1.dist-info"
printf 'Metadata-Version: 2.1\nName: loopback-ml2\nVersion: 1\n' >"$STATE/py/loopback_ml2-1.dist-info/METADATA"
printf '[neutron.ml2.mechanism_drivers]\nloopback = loopback_ml2:LoopbackDriver\n' \
  >"$STATE/py/loopback_ml2-1.dist-info/entry_points.txt"

cat >"$STATE/clouds.yaml" <<END
clouds:
  admin:
    auth: {auth_url: "$KEYSTONE", username: admin, password: "$ADMIN_PASSWORD", project_name: admin,
           user_domain_name: Default, project_domain_name: Default}
    region_name: RegionOne
  burst:
    auth: {auth_url: "$KEYSTONE", username: burst, password: "$BURST_PASSWORD", project_name: lisa-dpc,
           user_domain_name: Default, project_domain_name: Default}
    region_name: RegionOne
  burst-appcred:
    auth_type: v3applicationcredential
    auth: {auth_url: "$KEYSTONE", application_credential_name: burst-appcred, username: burst,
           user_domain_name: Default, application_credential_secret: "$APPCRED_PASSWORD"}
    region_name: RegionOne
END
chmod 600 "$STATE/clouds.yaml"
