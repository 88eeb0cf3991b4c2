#!/bin/bash
# real.sh BUILD: aging evolution and random search, 60 trials each on Fashion-MNIST in a small cell
# space with two workers: once undisturbed, once killed with SIGKILL three times and gone on with.
# Exit 1 unless both have the same trials and find the same. bench/results/real.csv: every trial of the
# undisturbed runs, with the seconds since the search began; real.svg: the picture of it.
set -u
build=$(realpath "$1") || exit 2
results=$(cd "$(dirname "$0")/results" && pwd)
work=$(mktemp -d) && cd "$work" || exit 2
trap 'rm -rf "$work"' EXIT

search() { # STUDY STRATEGY
    "$build/netwright" search --space "nasbench201 c=8 n=1" --data fashion-mnist --examples 10000 --valid 0.3 --final none \
        --estimator "train epochs=1 batch=128 lr=0.1 wd=5e-4" --strategy "$2" --trials 60 -j 2 --study "$1" -q
}

rows() { # STUDY: all that must be equal, then what is of the clock
    "$build/netwright" trials "$1" --format json | python3 -c '
import json, sys
for r in json.load(sys.stdin):
    print(r["trial"], r["status"], r["quality"], r["loss"], r["params"], json.dumps(r["arch"]), sep="|")'
}

killed() { # STUDY STRATEGY SECONDS: three kills on the way of a search that takes so long
    for share in 1 2 3; do
        setsid "$BASH" -c "$(declare -f search); build='$build'; search '$1' '$2'" >killed.out 2>&1 &
        sleep $(($3 / 4))
        kill -9 -- -$! 2>kill.err && echo "$2: killed ($share)" >&2
        wait $! 2>wait.err
    done
    search "$1" "$2"
}

echo "strategy,trial,seconds,accuracy,params,arch" >"$results/real.csv"
for strategy in random "amoebanet population=20 sample=5"; do
    name=${strategy%% *}
    start=$SECONDS
    search "$name" "$strategy" >"$name.out" || exit 1
    took=$((SECONDS - start))
    echo "$name: $took s undisturbed" >&2
    killed "$name-killed" "$strategy" $took >"$name-killed.out" || exit 1
    rows "$name" >a && rows "$name-killed" >b || exit 1
    if ! cmp a b || ! cmp <(grep -v search "$name.out") <(grep -v search "$name-killed.out"); then
        echo "$name: killed and undisturbed differ" >&2
        exit 1
    fi
    echo "$name: $(wc -l <a) trials, the same when killed three times" >&2
    "$build/netwright" trials "$name" --format json | python3 -c '
import json, sys
for r in json.load(sys.stdin):
    print(sys.argv[1], r["trial"], "%.2f" % r["cost_s"], "%.5f" % r["accuracy"], r["params"], "\"%s\"" % json.dumps(r["arch"]).replace("\"", "\"\""), sep=",")' \
        "$name" >>"$results/real.csv"
done
"$build/netwright" trials random amoebanet --to svg --out "$results/real.svg"
