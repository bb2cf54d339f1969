#!/bin/sh
# Makes this machine a Mesos agent of Spillway.
export MESOS_ATTRIBUTES="spillway_vm:peak-7k2m9q4xwa;spillway_pool:peak;spillway_cloud:atos"
export MESOS_CONTAINERIZERS="docker,mesos"
export MESOS_DOMAIN="{\"fault_domain\":{\"region\":{\"name\":\"local\"},\"zone\":{\"name\":\"nova\"}}}"
export MESOS_EXECUTOR_REGISTRATION_TIMEOUT="600secs"
export MESOS_HOSTNAME_LOOKUP="false"
export MESOS_MASTER="10.77.0.1:5050,10.77.0.1:5060"
export MESOS_WORK_DIR="/var/lib/mesos"
wget -O /tmp/spillway http://10.77.0.1:8000/spillway && chmod +x /tmp/spillway
exec /tmp/spillway agent
