#!/bin/sh
# Becomes a command inside the private Debian root: enter.sh ROOT USER DATA SETTINGS COMMAND [ARG]...
# DATA is seen as /data, SETTINGS read-only as /etc/logstream.
# Runs in a mount namespace of its own (unshare --mount), so every mount below is gone when the command ends. Each step
# execs the next: the command has the process id the supervisor started. The root itself is seen read-only: stacks share it.
set -eu
root=$1
user=$2
data=$3
settings=$4
shift 4

mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/run"

mount --bind "$data" "$root/data"
mount --bind "$settings" "$root/etc/logstream"
mount -o remount,bind,ro "$root/etc/logstream"

exec chroot --userspec="$user" "$root" "$@"
