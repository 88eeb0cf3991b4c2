#!/bin/bash
# jobs.sh BUILD [ROUNDS]: trials a minute of a search with N workers of one thread, of one with N threads and
# of one thread, N cores; the same 12 trials of one epoch on Fashion-MNIST each time, the ways in turn.
# Writes bench/results/jobs.csv. Two minutes a round on two cores.
set -u
build=$(realpath "$1") || exit 2
rounds=${2-3}
results=$(cd "$(dirname "$0")/results" && pwd)
work=$(mktemp -d) && cd "$work" || exit 2
trap 'rm -rf "$work"' EXIT
trials=12 cores=$(nproc)

search() { # STUDY OPTION...
    local study=$1
    shift
    "$build/netwright" search --space "nasbench201 c=8 n=1" --data fashion-mnist --examples 3000 --valid 0.3 \
        --final none --estimator "train epochs=1 batch=128 lr=0.1 wd=5e-4" --strategy random --trials $trials \
        --ahead 8 --study "$study" -q "$@"
}

echo "round,jobs,threads,trials,seconds,trials_a_minute" >"$results/jobs.csv"
for ((round = 1; round <= rounds; round++)); do
    for way in "$cores 1" "0 $cores" "0 1"; do
        read -r jobs threads <<<"$way"
        options=(-t "$threads")
        ((jobs)) && options=(-j "$jobs")
        start=$(date +%s.%N)
        search "s$round-$jobs-$threads" "${options[@]}" >out || exit 1
        end=$(date +%s.%N)
        awk -v r="$round" -v j="$jobs" -v t="$threads" -v n="$trials" -v s="$start" -v e="$end" \
            'BEGIN { printf "%d,%d,%d,%d,%.2f,%.2f\n", r, j, t, n, e - s, 60 * n / (e - s) }' | tee -a "$results/jobs.csv"
    done
done
