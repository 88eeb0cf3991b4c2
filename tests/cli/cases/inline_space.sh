# A space that is written out in the job: the study keeps it, and all goes on from there.
cat >job.yaml <<'YAML'
space:
  input: {data: [1, 8, 8]}
  classes: {data: 4}
  nodes:
    stem: conv2d out=4 k=3 pad=1 | relu
    mix:
      one_of: {conv: conv2d out=4 k=3 pad=1, pool: maxpool k=3 stride=1 pad=1}
      label: mix
    top: globalpool | dense out=$classes
  output: top
data: planted n=600 size=8
strategy: random trials=2
estimator: train epochs=1 batch=20
final: train epochs=1 batch=20
threads: 1
YAML
netwright search job.yaml --study study --baseline 0 --format csv >summary.csv
echo "exit code $?"
cut -d, -f1,4-6 summary.csv
head -n 4 study/space.yaml
netwright space count study/space.yaml
netwright search job.yaml --study study --baseline 0 --format csv -q | cmp - summary.csv && echo "the same again"
netwright export study --to json --out arch.json
cmp arch.json study/arch.json && echo "the same architecture"
cp study/space.yaml before.yaml
sed -i 's/k=3 pad=1, pool/k=5 pad=2, pool/' job.yaml
netwright search job.yaml --study study --baseline 0 -q; echo "exit code $?"
cmp before.yaml study/space.yaml && echo "the study keeps its space"
sed -i 's/label: mix/lable: mix/' job.yaml
netwright search job.yaml --study other --baseline 0 -q; echo "exit code $?"
sed -i 's/lable: mix/label: mix/' job.yaml
netwright search job.yaml --study other --baseline 0 -q >/dev/null; echo "exit code $?"
netwright train --space "ofa-min width=0.25" --data "planted n=200 size=8" -t 1 -q \
    --final "train epochs=1 batch=20" --study named >/dev/null; echo "exit code $?"
netwright search job.yaml --study named --baseline 0 -q; echo "exit code $?"
[[ -e named/space.yaml ]] || echo "nor does it get one"
