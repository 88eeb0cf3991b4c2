#!/bin/bash
# Run the cases of tests/cli/cases: NAME.sh is run in an empty directory, its standard
# output is compared with NAME.out, its standard error with NAME.err and its exit code
# with NAME.exit (absent: nothing, 0). A line there that starts with "~ " is a pattern of
# the shell for the rest of the line. A case that answers 77 is skipped.
#
# usage: tests/cli/run.sh [--accept] [--netwright FILE] [NAME]...
# --accept writes what was seen as what is expected; patterns that match stay.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cases=$top/tests/cli/cases
command=$top/build/netwright
accept=0
while [[ ${1-} == --* ]]; do
    case $1 in
    --accept) accept=1 ;;
    --netwright) command=$2; shift ;;
    *) echo "run.sh: there is no option $1" >&2; exit 2 ;;
    esac
    shift
done
command=$(realpath "$command") || exit 2

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$command" "$work/bin/netwright"
export TOP=$top PATH=$work/bin:$PATH LC_ALL=C.UTF-8 TERM=xterm COLUMNS=80
unset NO_COLOR XDG_CACHE_HOME

# same EXPECTED SEEN: do the files agree, patterns considered?
same()
{
    local expected seen
    exec 3<"$1" 4<"$2"
    while true; do
        if ! IFS= read -r expected <&3; then
            ! IFS= read -r seen <&4
            return
        fi
        IFS= read -r seen <&4 || return 1
        if [[ $expected == "~ "* ]]; then
            # shellcheck disable=SC2053 # the right side is a pattern
            [[ $seen == ${expected#"~ "} ]] || return 1
        elif [[ $seen != "$expected" ]]; then
            return 1
        fi
    done
}

# keep EXPECTED SEEN: SEEN, but with the patterns that still match.
keep()
{
    local expected seen
    exec 3<"$1"
    while IFS= read -r seen; do
        IFS= read -r expected <&3 || expected=
        # shellcheck disable=SC2053
        if [[ $expected == "~ "* && $seen == ${expected#"~ "} ]]; then
            printf '%s\n' "$expected"
        else
            printf '%s\n' "$seen"
        fi
    done <"$2"
}

# Compare one of out, err, exit; or accept it.
check()
{
    local expected=$cases/$1.$2 seen=$work/$1.$2
    [[ -e $expected ]] || { expected=$work/nothing; printf '%s' "$3" >"$expected"; }
    same "$expected" "$seen" && return 0
    if ((accept)); then
        keep "$expected" "$seen" >"$work/kept" && cp "$work/kept" "$cases/$1.$2"
        [[ $(cat "$cases/$1.$2") != "${3%$'\n'}" ]] || rm "$cases/$1.$2"
        return 0
    fi
    diff -u --label "expected $2" --label "seen $2" "$expected" "$seen"
    return 1
}

run_case()
{
    local name=$1 code bad=0
    mkdir "$work/dir"
    (cd "$work/dir" && HOME=$work/dir exec bash "$cases/$name.sh") \
        >"$work/$name.out" 2>"$work/$name.err" </dev/null
    code=$?
    rm -rf "$work/dir"
    if ((code == 77)); then
        echo "SKIP $name: $(tail -n 1 "$work/$name.out")"
        return 77
    fi
    echo $code >"$work/$name.exit"
    check "$name" out '' || bad=1
    check "$name" err '' || bad=1
    check "$name" exit $'0\n' || bad=1
    ((bad)) && echo "FAIL $name" || echo "PASS $name"
    return $bad
}

names=("$@")
if ((${#names[@]} == 0)); then
    for file in "$cases"/*.sh; do
        names+=("$(basename "$file" .sh)")
    done
fi
failures=0 skips=0
for name in "${names[@]}"; do
    run_case "$name"
    case $? in
    0) ;;
    77) skips=$((skips + 1)) ;;
    *) failures=$((failures + 1)) ;;
    esac
done
((failures == 0)) || exit 1
((skips == 0 || skips < ${#names[@]})) || exit 77
