# The daemons of one OpenStack: started, found again, waited for. Sourced by up and down, after STATE was set.
# shellcheck shell=bash

# birth PID prints when a process began, in clock ticks, which tells it from a later one with the same id. Nothing is
# printed of one that has ended, though its parent has not asked how.
birth() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" = Z ] || echo "${fields[19]}"
}

# group_of NAME prints the process group of a daemon, if it is there and the one that was started as NAME.
group_of() {
  local pid born
  { read -r pid born <"$STATE/run/$1.pid"; } 2>/dev/null &&
    [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ] && echo "$pid"
}

alive() { group_of "$1" >/dev/null; }

# clean goes before a command that is to see no proxies, no OS_* variables and no other Python first in PATH.
clean=(env -i PATH="$STATE/packages/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$STATE/home" LANG=C.UTF-8 PYTHONPATH="$STATE/py")

# start NAME COMMAND... starts a daemon in a process group of its own, unless it is there.
start() {
  local name=$1
  shift
  alive "$name" && return
  # an array, not a function: $! must be the daemon and not a shell that waits for it
  "${clean[@]}" setsid "$@" </dev/null >>"$STATE/log/$name.log" 2>&1 &
  echo "$! $(birth $!)" >"$STATE/run/$name.pid"
}

# await NAME COMMAND... waits until the command succeeds, or ends this program if the daemon is gone or takes too long.
await() {
  local name=$1 end=$((SECONDS + 180))
  shift
  until "$@" >/dev/null 2>&1 && alive "$name"; do
    sleep 0.3
    if ! alive "$name" || ((SECONDS > end)); then
      tail -n 20 "$STATE/log/$name.log" >&2
      die "$name did not come up; the end of its log is above"
    fi
  done
}

listens() { (: <>"/dev/tcp/127.0.0.1/$1"); }
answers() { curl --silent --output /dev/null --noproxy '*' --max-time 10 "$1"; }

# living GROUP tells whether a process group has a process that has not ended.
living() {
  local file stat fields
  for file in /proc/[0-9]*/stat; do
    { read -r stat <"$file"; } 2>/dev/null || continue
    read -ra fields <<<"${stat##*) }"
    if [ "${fields[2]}" = "$1" ] && [ "${fields[0]}" != Z ]; then return 0; fi
  done
  return 1
}

# stop SIGNAL NAME... signals daemons and waits until they have ended; after 20 seconds they are killed.
stop() {
  local signal=$1 name group groups=() end=$((SECONDS + 20))
  shift
  for name in "$@"; do
    if group=$(group_of "$name"); then
      groups+=("$group")
      kill -s "$signal" -- "-$group" || true
    fi
  done
  case $signal in STOP | CONT) return ;; esac
  for group in ${groups[@]+"${groups[@]}"}; do
    while living "$group"; do
      ((SECONDS < end)) || kill -KILL -- "-$group" 2>/dev/null || true
      sleep 0.1
    done
  done
}
