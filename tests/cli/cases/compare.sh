# Strategies on a table: the ranks, the files, the same for any -j, and going on.
awk 'BEGIN {
    split("none skip_connect nor_conv_1x1 nor_conv_3x3 avg_pool_3x3", op, " ")
    print "arch,valid,test,seconds"
    for (i = 0; i < 15625; i++) {
        for (e = s = 0; e < 6; e++) { d[e] = int(i / 5 ^ e) % 5; s += d[e] * (e + 1) }
        printf "|%s~0|+|%s~0|%s~1|+|%s~0|%s~1|%s~2|,%.4f,%.4f,%d\n", op[d[0] + 1], op[d[1] + 1],
            op[d[2] + 1], op[d[3] + 1], op[d[4] + 1], op[d[5] + 1],
            .5 + s / 200 + i % 97 / 5000, .48 + s / 200 + i % 89 / 5000, 20 + i % 7
    }
}' >table.csv
table="table file=table.csv score=valid report=test cost=seconds"
run() { netwright compare --space nasbench201 --estimator "$table" --seeds 20 "$@"; }
few="random trials=4, random"
run --strategies "$few" --budget trials=50 --out a -j 1
ls a
head -n 2 a/runs.csv | tr -d '\r' | cut -d, -f1-5
tail -n 1 a/curves.csv | cut -d, -f1-3
grep -c '<text' a/figure.svg
run -q --strategies "$few" --budget trials=50 --out b -j 3 --format csv | tr -d '\r'
for file in runs.csv curves.csv figure.svg summary.json; do cmp a/$file b/$file && echo "$file: same"; done
run -q --strategies "$few" --budget trials=50 --out a --seeds 22 --format json | grep -c '"runs": 22'
run -q --strategies "$few" --budget trials=60 --out a
echo $?
run -q --strategies random --budget seconds=300 | cut -c1-40
run --strategies "random, random" --budget trials=5
run --strategies random --budget 5
run --strategies random
run --strategies "randm" --budget trials=5
netwright compare --space nasbench201 --strategies random --budget trials=1 --seeds 2 \
    --estimator "train epochs=1" --data "planted n=60 size=8" -j 2 2>&1 >/dev/null | tail -n 1
# Killed and gone on with: as if nothing had been.
many=(compare --space nasbench201 --estimator "$table" --strategies "random trials=9, random"
    --budget trials=300 --seeds 1500 --format csv -q)
(
    netwright "${many[@]}" --out killed -j 2 &
    sleep .5
    kill -KILL $!
    wait $!
) >/dev/null 2>&1
netwright "${many[@]}" --out killed >killed.csv
netwright "${many[@]}" -j 1 | cmp - killed.csv && echo "killed: same"
