#!/bin/bash
# protocol.sh BUILD DATA [EXPERIMENT]...: strategies compared on published tables, as their papers or
# the acceptance list of the project have it; bench/results/protocol-*.csv. DATA holds
# nasbench201/ and nasbench-macro/. Every experiment is one `netwright compare`; so anyone can
# repeat a row of it, whatever the number of cores.
set -u
netwright=$(realpath "$1/netwright") && data=$(realpath "$2") || exit 2
results=$(cd "$(dirname "$0")/results" && pwd)
shift 2
work=$(mktemp -d) && cd "$work" || exit 2
trap 'rm -rf "$work"' EXIT
ln -s "$data" data # so that the commands that are stored do not name this machine's folders
nb201="table file=data/nasbench201/nasbench201.csv.gz"
macro="table file=data/nasbench-macro/nas-bench-macro_cifar10.json"

# compare NAME OPTION...: the standings to results/protocol-NAME.csv, with the command first
compare() {
    local name=$1 start=$SECONDS
    shift
    {
        printf '# netwright compare'
        printf ' %s' "${@@Q}"
        printf '\n'
        "$netwright" compare "$@" --out "$name" -q --format csv || exit 1
    } >"$results/protocol-$name.csv"
    cat "$results/protocol-$name.csv"
    echo "$name: $((SECONDS - start)) s" >&2
}

# The architectures that the runs of NAS-Bench-201 found, and what they reach on CIFAR-100.
transfer() {
    cp nb201/runs.csv "$results/protocol-nb201-runs.csv"
    zcat data/nasbench201/nasbench201.csv.gz | awk -F, -v OFS=, '
        NR == FNR && FNR == 1 { for (i = 1; i <= NF; i++) if ($i == "c100_test_200ep_mean") column = i }
        NR == FNR { test[$2] = $column; next }
        FNR > 1 {
            for (i = 1; i <= NF && !($i in test); i++);
            if (i > NF) { print "no row: " $0 > "/dev/stderr"; next }
            name = $1; gsub(/"/, "", name)
            n[name]++; sum[name] += test[$i]; square[name] += test[$i] ^ 2
        }
        END {
            print "strategy,runs,cifar100_test_mean,sd"
            for (s in n) {
                m = sum[s] / n[s]
                printf "%s,%d,%.3f,%.3f\n", s, n[s], m, sqrt((square[s] - n[s] * m * m) / (n[s] - 1))
            }
        }' - nb201/runs.csv | tee "$results/protocol-nb201-cifar100.csv"
}

experiment() {
    case $1 in
    nb201) # 12,000 simulated seconds of 12-epoch training, 500 runs: NAS-Bench-201, table 5
        compare nb201 --space nasbench201 --estimator "$nb201" --budget seconds=12000 --seeds 500 \
            --strategies "amoebanet population=10 sample=3, reinforce" && transfer ;;
    macro-a) # controllers; F: aging evolution, and the worst dying instead
        compare macro-a --space nasbench-macro --estimator "$macro" --budget trials=300 --seeds 30 \
            --strategies "nas-rl lr=0.02, nasnet lr=0.005, amoebanet population=50 sample=10, amoebanet population=50 sample=10 kill=worst" ;;
    macro-c) # surrogates, 105 evaluations
        compare macro-c --space nasbench-macro --estimator "$macro" --budget trials=105 --seeds 30 \
            --strategies "pnas first=2 k=16" ;;
    macro-g) # the genetic algorithm
        compare macro-g --space nasbench-macro --estimator "$macro" --budget trials=600 --seeds 400 \
            --strategies "genetic-cnn" ;;
    macro-rows) # the table of baselines, 100 seeds
        for trials in 100 300 600; do
            compare macro-rows-$trials --space nasbench-macro --estimator "$macro" --budget trials=$trials --seeds 100 \
                --strategies "amoebanet population=20 sample=5 identity=0, amoebanet population=50 sample=10 identity=0, amoebanet population=100 sample=25 identity=0, reinforce lr=0.01, reinforce lr=0.05, reinforce lr=0.1, genetic-cnn, metaqnn models=$trials"
        done ;;
    nao) # 300 evaluations on NAS-Bench-201; the keys were chosen on seeds 1 to 20, these are others
        compare nao --space nasbench201 --estimator "$nb201" --budget trials=300 --seed 101 --seeds 100 \
            --strategies "nao pool=50 new=10 rounds=25 hidden=32 embedding=16 lr=3e-3 epochs=20" ;;
    yardsticks) # what users know
        compare yardsticks --space nasbench-macro --estimator "$macro" --budget trials=300 --seeds 30 \
            --strategies "tpe, bananas, local" ;;
    *) echo "protocol.sh: there is no experiment $1" >&2; exit 2 ;;
    esac
}

for e in "${@:-nb201}"; do
    experiment "$e" || exit 1
done
