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
RANDOM=1
done=0 finished=0
while ((done < kills && !finished)); do
    "$netwright" "${job[@]}" --study killed >/dev/null 2>&1 &
    pid=$!
    sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
    kill -9 $pid 2>/dev/null && ((done++))
    wait $pid 2>/dev/null && finished=1
done
"$netwright" "${job[@]}" --study killed >/dev/null || exit 1
echo "kills,file,same"
bad=0
for f in arch.json model.safetensors model.onnx; do
    if cmp -s alone/$f killed/$f; then echo "$done,$f,yes"; else echo "$done,$f,no"; bad=1; fi
done
metrics="select trial,epoch,train_loss,train_accuracy,valid_loss,valid_accuracy from epoch join stage on stage.id=stage order by stage.name,trial,epoch"
if cmp -s <(sqlite3 alone/study.db "$metrics") <(sqlite3 killed/study.db "$metrics"); then
    echo "$done,metrics,yes"
else
    echo "$done,metrics,no"; bad=1
fi
rm -rf "$dir"
exit $bad
