#!/bin/sh
# Installs the Debian or Ubuntu packages that the given lists name.
#
#     tools/install.sh LIST...
#
# Does nothing where all of them are there already.
set -eu

missing=
for package in $(sed 's/#.*//' "$@"); do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) ||
    state=
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo DEBIAN_FRONTEND=noninteractive"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086
$as_root apt-get install -q -y --no-install-recommends $missing
