# A compute host whose servers are virtual machines of libvirt's, emulated in software. Sourced by up.
# shellcheck shell=bash

# libvirt wants this user to exist although it is told to use root
getent passwd libvirt-qemu >/dev/null || useradd --system --user-group --home-dir /nonexistent libvirt-qemu
# It reads this file from nowhere else: no virtlogd, no control groups, no AppArmor, no other user.
if [ ! -e /etc/libvirt/qemu.conf ]; then
  mkdir -p /etc/libvirt
  cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
END
fi
mkdir -p "$STATE/libvirt"
printf 'unix_sock_dir = "%s"\nauth_unix_rw = "none"\n' "$STATE/libvirt" >"$conf/libvirtd.conf"
start libvirtd libvirtd --config "$conf/libvirtd.conf" --pid-file "$STATE/libvirt/libvirtd.pid"
await libvirtd test -S "$STATE/libvirt/libvirt-sock"

# helper_command: neither sudo nor rootwrap, this is root. qcow2: thin disks and snapshots.
compute qemu-1 "libvirt.LibvirtDriver
force_config_drive = true
force_raw_images = false
shutdown_timeout = 10
[libvirt]
virt_type = qemu
connection_uri = qemu+unix:///system?socket=$STATE/libvirt/libvirt-sock
images_type = qcow2
[nova_sys_admin]
helper_command = privsep-helper --config-file $conf/nova.conf
[vif_plug_linux_bridge_privileged]
helper_command = privsep-helper --config-file $conf/nova.conf"

"$here/guest/make" "$STATE/guest"

# make_bridge makes the servers' bridge, on which this machine has the address of the subnet's gateway.
make_bridge() {
  local bridge
  bridge=$(cat "$STATE/bridge")
  ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
  ip address replace 10.77.0.1/24 dev "$bridge"
  ip link set "$bridge" up
}
