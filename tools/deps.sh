#!/bin/sh
# deps.sh run [test]: install the Debian packages that are missing; silent when none is.
set -e
run="gcc libc6-dev make cmake ninja-build pkg-config libdnnl-dev libsqlite3-dev libfyaml-dev
     libjansson-dev libprotobuf-c-dev protobuf-c-compiler libonnx-dev libpng-dev
     libjpeg62-turbo-dev zlib1g-dev libarchive-dev libcurl4-openssl-dev libssl-dev
     librandom123-dev libgraphviz-dev fonts-dejavu-core dataset-fashion-mnist"
test="libcmocka-dev g++ python3 python3-venv git groff-base man-db sqlite3 xz-utils libxml2-utils"
wanted=$run
[ "$2" = test ] && wanted="$run $test"
missing=
for p in $wanted; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
echo "installing:$missing" >&2
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || { echo "run as root: apt-get install$missing" >&2; exit 1; }
fi
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
