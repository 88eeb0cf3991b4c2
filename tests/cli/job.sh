# A search that takes seconds, for the cases to source.
cat >job.yaml <<'END'
space: nasbench201 c=4 n=1
data: planted n=4000 size=8
strategy: darts
estimator: supernet epochs=3 batch=20
final: train epochs=3 batch=20
threads: 1
END

# same A B: the studies hold the same result, bit for bit.
same()
{
    for file in arch.json arch.svg model.onnx model.safetensors; do
        cmp "$1/$file" "$2/$file" && echo "$file: same"
    done
    cut -d, -f1-8 "$1/curves.csv" | cmp - <(cut -d, -f1-8 "$2/curves.csv") &&
        echo "curves.csv: same, but for the seconds"
}

# says FILE WORDS: wait until the file holds the words.
says()
{
    for ((try = 0; try < 2000; try++)); do
        grep -qs "$2" "$1" && return
        sleep 0.01
    done
    echo "$1 never said: $2"
}
