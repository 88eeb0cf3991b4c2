# Killed again and again, a table ends as the one that was left alone.
build=(table build --space "nasbench201 c=4 n=1" --data "planted n=600 size=8" --sample 4
    --estimator "train epochs=4 batch=20" --seeds 2 --latency 0 -t 1 -q)
netwright "${build[@]}" --study alone
for try in {1..40}; do
    netwright "${build[@]}" --study killed &
    pid=$!
    (sleep "0.$((try % 7 + 1))"; kill -9 $pid) 2>/dev/null &
    wait $pid 2>/dev/null && break
done
((try > 1)) && echo "killed"
netwright "${build[@]}" --study killed
cut -d, -f 1-7,9- alone/table.csv | cmp - <(cut -d, -f 1-7,9- killed/table.csv) &&
    echo "same, but for the seconds"
