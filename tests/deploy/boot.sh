#!/bin/sh
# A host of its own for the units, made by root: the machine's files, with systemd as the first process. Namespaces keep
# from the machine what it does to processes, network, cgroups, and files in /etc, /usr/local, /var/lib and /run.
# FOLDER/pid says which process is its first. It ends when the standard input of this script does.
#
#   sh boot.sh FOLDER SYSTEMD
set -eu
folder=$1
systemd=$2

# Of cgroups, each that is mounted: where, and with what options.
hierarchies() {
    while read -r _ at kind options _; do
        case $kind in cgroup | cgroup2) echo "$at $kind:$options" ;; esac
    done </proc/mounts
}

inside() {
    mount --make-rprivate /
    # Our part of them in place of the whole.
    hierarchies | while read -r at options; do
        umount "$at"
        case $options in
            cgroup2:*) mount -t cgroup2 none "$at" ;;
            *name=*) mount -t cgroup -o "none,name=${options##*name=}" none "$at" ;;
            *) mount -t cgroup -o "${options##*,}" none "$at" ;;
        esac
    done
    # What is written goes with the namespace.
    mkdir -p "$folder/upper"
    mount -t tmpfs none "$folder/upper"
    for place in etc usr/local var/lib; do
        upper=$folder/upper/$place
        mkdir -p "$upper/files" "$upper/work"
        mount -t overlay -o "lowerdir=/$place,upperdir=$upper/files,workdir=$upper/work" none "/$place"
    done
    mount -t tmpfs none /run
    mount -t tmpfs none /etc/systemd
    mkdir -p /etc/systemd/system /run/base
    # What every unit waits for. Of the machine's own units none is started.
    for target in basic default local-fs multi-user network-online shutdown sysinit timers; do
        printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" >"/run/base/$target.target"
    done
    # No journal runs here, and what a unit says is wanted where a test fails.
    mkdir /run/base/service.d
    printf '[Service]\nStandardOutput=append:/run/units.log\nStandardError=append:/run/units.log\n' \
        >/run/base/service.d/log.conf
    exec env -i PATH="$PATH" container=crossfade SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/base \
        "$systemd" --system --show-status=no
}

if [ "${3:-}" = inside ]; then inside; fi

ours=crossfade-$$
clean() {
    # First all of us: what runs in a cgroup keeps it.
    hierarchies | while read -r at _; do echo $$ >"$at/cgroup.procs"; done
    hierarchies | while read -r at _; do find "$at/$ours" -depth -type d -exec rmdir {} +; done
} 2>/dev/null
trap clean EXIT
hierarchies | while read -r at _; do
    mkdir "$at/$ours"
    for file in cpuset.cpus cpuset.mems; do
        if [ -e "$at/$ours/$file" ] && [ -e "$at/$file" ]; then cat "$at/$file" >"$at/$ours/$file"; fi
    done
    echo $$ >"$at/$ours/cgroup.procs"
done
unshare --fork --pid --mount --mount-proc --net --ipc --uts --cgroup --kill-child \
    sh "$0" "$folder" "$systemd" inside </dev/null &
first=
until [ -n "$first" ]; do
    sleep 0.05
    # It has no line feed, and `read` minds that.
    read -r first _ <"/proc/$!/task/$!/children" || [ -n "$first" ]
done
echo "$first" >"$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"
read -r _ || true
kill -KILL "$first"
wait || true
