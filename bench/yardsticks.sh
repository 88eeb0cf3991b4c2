#!/bin/bash
# yardsticks.sh BUILD SHARED [SEEDS]: tpe, bananas, hyperband and asha against random search on the
# tables in SHARED (nasbench-macro, nasbench201), 30 seeds a strategy. Prints one row a strategy and
# task as CSV; exit 1 unless tpe with multivariate=1 and bananas are better than random search
# after 300 trials of NAS-Bench-Macro (A12 at least .65, p < .01).
set -u
netwright=$(realpath "$1/netwright") && shared=$(realpath "$2") || exit 2
seeds=${3:-30}
macro="table file=$shared/nasbench-macro/nas-bench-macro_cifar10.json"
nb201="table file=$shared/nasbench201/nasbench201.csv.gz"
halving="hyperband eta=16 min_fidelity=0.06,asha eta=16 min_fidelity=0.06,asha eta=4 min_fidelity=0.06"
dir=$(mktemp -d) && cd "$dir" || exit 2
trap 'rm -rf "$dir"' EXIT

compare() { # TASK SPACE ESTIMATOR BUDGET STRATEGIES
    "$netwright" compare --space "$2" --estimator "$3" --budget "$4" --strategies "$5" \
        --seeds "$seeds" -o "$1" -q -f csv >rows.csv || exit 2
    sed "1d; s/^/$1,/" rows.csv
}

model="tpe,tpe multivariate=1,bananas"
echo "task,$("$netwright" compare --space nasbench-macro --estimator "$macro" --budget trials=1 \
    --strategies random --seeds 2 -o head -q -f csv | head -1)"
{
    compare macro-100 nasbench-macro "$macro" trials=100 "$model"
    compare macro-300 nasbench-macro "$macro" trials=300 "$model"
    compare nb201-12000s nasbench201 "$nb201" seconds=12000 "$model"
    compare nb201-200epochs-12000s nasbench201 "$nb201 epochs=200" seconds=12000 "$halving"
    compare nb201-200epochs-200000s nasbench201 "$nb201 epochs=200" seconds=200000 "$halving"
} | tee all.csv
awk -F, '$1 == "macro-300" && ($2 == "bananas" || $2 == "tpe multivariate=1") {
    n += $(NF - 4) >= .65 && $(NF - 3) < .01
} END { exit n != 2 }' all.csv
