# The main job, small: what it prints and what it leaves.
source "$TOP/tests/cli/job.sh"
netwright search job.yaml --study study --baseline 2 --format csv >summary.csv
cut -d, -f1 summary.csv
ls study
netwright search job.yaml --study study --baseline 2 --format csv | cmp - summary.csv &&
    echo "the same again"
netwright eval study --data "planted n=100 size=8 seed=2" -t 1 --format json | grep examples
netwright trials study --stage final --format csv | cut -d, -f1-3
netwright best study --format json | cut -d: -f1
netwright export study --to safetensors --out again.safetensors -t 1
weights() { tail -c 20000 "$1"; } # the header tells the normalisation in fewer digits
cmp <(weights again.safetensors) <(weights study/model.safetensors) && echo "the same weights"
