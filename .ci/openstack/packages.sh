# Debian's packages of OpenStack. Sourced by up, after STATE, PACKAGES and virt were set.
# shellcheck shell=bash

# The python3-* packages hold all of the services' code, and have no scripts of maintainers' that ask, make users or start
# daemons. The few files that only the services' own packages have (programs' start scripts, paste configuration) are
# taken out of those, which are not installed.
libraries=(python3-{keystone,glance,nova,neutron,placement,openstackclient} curl openssh-client
  mariadb-server-core mariadb-client-core rabbitmq-server uwsgi-core uwsgi-plugin-python3)
scripts=(nova-{common,api,conductor,scheduler} glance-{common,api} neutron-common)
if [ "$virt" = qemu ]; then
  libraries+=(python3-libvirt libvirt-daemon libvirt-daemon-driver-qemu qemu-system-x86 genisoimage busybox-static iproute2)
fi

# install_packages keeps what is installed from starting daemons: rabbitmq-server would.
install_packages() {
  local policy=/usr/sbin/policy-rc.d made=''
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    made=yes
  fi
  "$here/../install" "$@" || made+=failed
  case $made in yes*) rm $policy ;; esac
  case $made in *failed) die "the packages could not be installed" ;; esac
}

unpack_scripts() {
  local debs deb
  debs=$(mktemp --directory)
  (cd "$debs" && apt-get download "${scripts[@]}" >>"$STATE/log/packages.log" 2>&1) ||
    die "the services' packages could not be fetched; $STATE/log/packages.log says why"
  for deb in "$debs"/*.deb; do dpkg-deb --extract "$deb" "$PACKAGES"; done
  rm -r "$debs"
}
