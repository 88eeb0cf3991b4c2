# A table of a space: all of a small one, a sample of a large one; what it offers; errors.
nb() { netwright table build --space "nasbench201 c=2 n=1" --data "planted n=200 size=8" \
    --estimator "train epochs=2" -t 1 -q "$@"; }
nb --sample 3 --seeds 2 --study a --latency 0
head -1 a/table.csv | tr -d '\r'
tail -n +2 a/table.csv | cut -d, -f1 | sort | uniq -c | awk '{ print $1 }'
nb --sample 3 --seeds 2 --study b --latency 0 -j 2 -o b.csv
cut -d, -f 1-6,9- b.csv | cmp - <(cut -d, -f 1-6,9- a/table.csv) && echo "workers: same table"
nb --sample 3 --seeds 3 --study b --latency 2 -o b.csv
awk -F, 'NR > 1 { n += $7 > 0; runs[$2]++ } END { print n, runs[1], runs[2], runs[3] }' b.csv
netwright table info b.csv -f csv | cut -d, -f1-3 | tr -d '\r'
macro="nasbench-macro c=2 layers=2 last=8"
netwright table build --space "$macro" --data "planted n=200 size=8" \
    --estimator "train epochs=1" -t 1 -q --study m --latency 0
netwright search --space "$macro" --estimator "table file=m/table.csv" --strategy grid --study s -q -f json |
    grep '"quality"' | tr -d ' ,' | cut -d: -f2 >found
awk -F, 'NR > 1 && $10 > best { best = $10 } END { print NR - 1; print best }' m/table.csv | tail -1 | cmp - found
wc -l <m/table.csv
nb --study c; echo $?
nb --study c --all --sample 3; echo $?
netwright table info; echo $?
netwright table info none.csv; echo $?
printf 'a,b\n1,2,3\n' >bad.csv
netwright table info bad.csv; echo $?
