#!/bin/bash
# metaqnn.sh BUILD DIGITS.csv [SEEDS]: MetaQNN on chains of small layers and real digits, 300
# networks a search, half of them at epsilon 1. Prints one row a trained network as CSV. On standard
# error: for every search, and for all together, the mean accuracy at epsilon 1 and at .2 and
# below, with the one-sided t-test (Welch) that the second is larger; exit 1 unless in every
# search it is by 10 points with p < .001.
set -u
netwright=$(realpath "$1/netwright") && digits=$(realpath "$2") || exit 2
seeds=${3:-3}
dir=$(mktemp -d) && cd "$dir" || exit 2
data="csv file=$digits shape=1x8x8"
schedule="1:150,.9:13,.8:12,.7:13,.6:19,.5:18,.4:19,.3:19,.2:18,.1:19" # the paper's, 150 at 1

rows() { # of a study's trials, with the chance to explore and the chain in words
    sqlite3 -csv "$1/study.db" "select trial.id, ifnull(accuracy, 0), cast(params as integer), arch from trial
        join stage on stage.id = stage where stage.name = 'search' order by trial.id" |
        awk -F , -v seed="$1" -v schedule="$schedule" '
        BEGIN {
            n = split(schedule, part, ",")
            for (i = 1; i <= n; i++) { split(part[i], p, ":"); for (j = 0; j < p[2]; j++) epsilon[++total] = p[1] }
            split("C(8,1) C(8,3) C(8,5) C(16,1) C(16,3) C(16,5) C(32,1) C(32,3) C(32,5) " \
                  "P(5,3) P(3,2) P(2,2) FC(128) FC(64) FC(32) GAP", layer, " ") # options 1 to 16; 0 is SM
        }
        {
            chain = ""
            for (i = 4; i <= NF; i++) {
                sub(/.*:/, "", $i)
                if ($i + 0 == 0) break
                chain = chain layer[$i + 0] " "
            }
            printf "%s,%d,%s,%.4f,%d,\"%sSM\"\n", seed, $1, epsilon[$1], $2, $3, chain
        }'
}

verdict() { # of the rows of a seed, or of all
    awk -F , -v seed="$1" '
        # P(T > t) with n degrees of freedom, by the midpoint rule in x = t / (t + u)
        function tail(t, n,    i, x, u, sum, c) {
            c = exp(lgamma((n + 1) / 2) - lgamma(n / 2)) / sqrt(n * 3.14159265358979)
            for (i = 0; i < 20000; i++) {
                x = (i + .5) / 20000
                u = t + x / (1 - x)
                sum += c * (1 + u * u / n) ^ (-(n + 1) / 2) / ((1 - x) * (1 - x))
            }
            return sum / 20000
        }
        function lgamma(x) { # Stirling, far enough out
            return x < 8 ? lgamma(x + 1) - log(x) \
                         : (x - .5) * log(x) - x + .918938533204673 + 1 / (12 * x) - 1 / (360 * x ^ 3)
        }
        NR > 1 && (seed == "all" || $1 == seed) && ($3 == 1 || $3 <= .2) {
            g = $3 <= .2
            count[g]++; sum[g] += $4; square[g] += $4 * $4
        }
        END {
            for (g = 0; g < 2; g++) {
                mean[g] = sum[g] / count[g]
                v[g] = (square[g] / count[g] - mean[g] ^ 2) / (count[g] - 1)
            }
            t = (mean[1] - mean[0]) / sqrt(v[0] + v[1])
            df = (v[0] + v[1]) ^ 2 / (v[0] ^ 2 / (count[0] - 1) + v[1] ^ 2 / (count[1] - 1))
            printf "seed %s: mean %.4f of %d at epsilon 1, %.4f of %d at .2 and .1, t %.2f, df %.0f, p %.1e\n",
                seed, mean[0], count[0], mean[1], count[1], t, df, tail(t, df)
            exit !(mean[1] - mean[0] >= .1 && tail(t, df) < .001)
        }' all.csv >&2
}

echo "seed,trial,epsilon,accuracy,params,chain" | tee all.csv
for ((seed = 1; seed <= seeds; seed++)); do
    "$netwright" search --space "metaqnn limit=6 widths=8,16,32 fc=128,64,32" --data "$data" --test "$data" \
        --strategy "metaqnn epsilon=$schedule" --valid 0.2 -s "$seed" -j 1 -q --study "$seed" \
        --estimator "train epochs=5 batch=32 optimizer=adam lr=1e-3 wd=0 schedule=constant" \
        --final "train epochs=1" --baseline 0 >log || exit 2
    rows "$seed" | tee -a all.csv
done
bad=0
for ((seed = 1; seed <= seeds; seed++)); do verdict "$seed" || bad=1; done
verdict all
cd / && rm -rf "$dir"
exit $bad
