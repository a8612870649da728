#!/bin/sh
# Becomes a command inside the private Debian root: enter.sh ROOT USER [--bind|--ro-bind SOURCE TARGET]... -- COMMAND [ARG]...
# Runs in a mount namespace of its own (unshare --mount), so every mount below is gone when the command ends. Each step
# execs the next: the command has the process id the supervisor started. The root itself is seen read-only: stacks share it.
set -eu
root=$1
user=$2
shift 2

mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/run"

while [ "$1" != -- ]; do
  mount --bind "$2" "$root$3"
  if [ "$1" = --ro-bind ]; then
    mount -o remount,bind,ro "$root$3"
  fi
  shift 3
done
shift

exec chroot --userspec="$user" "$root" "$@"
