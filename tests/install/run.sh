#!/bin/bash
# Install a build into an empty prefix, then build and run a program of somebody else
# against what is there: in C and C++, through pkg-config (shared and static) and through
# find_package. The library must show exactly what the public headers declare.
#
# usage: tests/install/run.sh BUILD [CC]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 cc=${2-cc}
grep -q '^NW_SANITIZE:.*=.' "$build/CMakeCache.txt" && { echo "a sanitizer build"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >"$work/log"
lib=$(dirname "$(find "$prefix" -name libnetwright.so)")
export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib

echo "declared = exported"
for header in netwright.h netwright_ext.h; do
    "$cc" -fsyntax-only -x c -aux-info "$work/$header.txt" "$prefix/include/$header"
done
grep -ho '\bnw_[a-z0-9_]* (' "$work"/*.h.txt | tr -d ' (' | sort -u >"$work/declared"
nm -D --defined-only "$lib/libnetwright.so" | awk '{print $3}' | sort -u >"$work/exported"
diff "$work/declared" "$work/exported"

# shellcheck disable=SC2046,SC2086 # flags are words
compile() # COMPILER LANGUAGE PKG-CONFIG-FLAG
{
    echo "$1 $2 $3"
    "$1" -x "$2" "$here/outside.c" -x none -o "$work/outside" \
        $(pkg-config --define-prefix --cflags netwright) \
        $(pkg-config --define-prefix --libs $3 netwright)
    "$work/outside"
}
compile "$cc" c ""
compile c++ c++ ""
static=$lib/libnetwright.a
mv "$lib/libnetwright.so" "$work/away" # so that -lnetwright is the archive
[[ -e $static ]] && compile "$cc" c --static
mv "$work/away" "$lib/libnetwright.so"

echo "find_package"
cmake -S "$here" -B "$work/b" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log"
cmake --build "$work/b" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/b/outside_c"
"$work/b/outside_cc"

echo "the rest"
"$prefix/bin/netwright" --version
for file in share/man/man1/netwright.1 share/bash-completion/completions/netwright \
    share/zsh/site-functions/_netwright share/fish/vendor_completions.d/netwright.fish; do
    [[ -s $prefix/$file ]] || { echo "$file: is missing"; exit 1; }
done
