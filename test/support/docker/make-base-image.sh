#!/bin/sh
# make-base-image.sh CACHE: prints the path of a tar of a small Debian with Python, which stands in for python:X.Y-slim where
# no registry is reached. Made once with debootstrap (two minutes), as root; the lock makes concurrent callers share one.
set -eu
cache=$1
# Raised when what is in it changes.
tar=$cache/base-2.tar
mkdir -p "$cache"
exec 9>"$cache/base.lock"
flock 9
if [ ! -f "$tar" ]; then
  work=$(mktemp -d "$cache/base.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,libgl1,libglib2.0-0,libgomp1 \
    bookworm "$work/root" >"$cache/debootstrap.log" 2>&1 || { tail -5 "$cache/debootstrap.log" >&2; exit 1; }
  cd "$work/root"
  # What libGL would draw with: half of it all, and no test draws.
  rm -rf usr/lib/*/libLLVM* usr/lib/*/libz3* usr/lib/*/dri usr/share/doc usr/share/man usr/share/locale usr/share/i18n \
    var/cache/apt/archives var/lib/apt/lists
  # As the official images have it.
  ln -s python3 usr/bin/python
  mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial
  tar -cf "$work/base.tar" .
  mv "$work/base.tar" "$tar"
fi
echo "$tar"
