#!/bin/bash
# kill.sh BUILD [KILLS]: a seeded search that is killed at random instants and resumed each
# time ends with the files of one that was left alone. Prints CSV; exit 1 on a difference.
set -u
netwright=$(realpath "$1/netwright") || exit 2
kills=${2:-50}
dir=$(mktemp -d) && cd "$dir" || exit 2
job=(search --space "darts c=4 layers=3 ops=none,skip_connect,sep_conv_3x3" --data "planted n=4000"
     --estimator "supernet epochs=2 batch=16 valid=0" --final "train epochs=4 batch=16" -q)
"$netwright" "${job[@]}" --study alone >/dev/null || exit 1
metrics="select trial,epoch,train_loss,train_accuracy,valid_loss,valid_accuracy
         from epoch join stage on stage.id = stage order by stage.name, trial, epoch"
RANDOM=1
killed=0 bad=0 search=0
echo "search,kills,file,same"
row() { if cmp -s "$3" "$4"; then echo "$search,$1,$2,yes"; else echo "$search,$1,$2,no"; bad=1; fi; }
while ((killed < kills)); do # a search that is over before it was killed enough makes room for one more
    rm -rf killed
    ((++search))
    here=0 finished=0
    while ((killed < kills && !finished)); do
        "$netwright" "${job[@]}" --study killed >/dev/null 2>&1 &
        pid=$!
        sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
        kill -9 $pid 2>/dev/null
        if wait $pid 2>/dev/null; then finished=1; else ((++killed, ++here)); fi
    done
    "$netwright" "${job[@]}" --study killed >/dev/null || exit 1
    for f in arch.json model.safetensors model.onnx; do
        row $here $f alone/$f killed/$f
    done
    row $here metrics <(sqlite3 alone/study.db "$metrics") <(sqlite3 killed/study.db "$metrics")
done
rm -rf "$dir"
exit $bad
