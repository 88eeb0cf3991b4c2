# A search without a final training: limits, objectives, workers; the front of the study.
search() { netwright search --space "nasbench201 c=4 n=1" --data "planted n=200 size=8" \
    --strategy random --estimator "train epochs=1" --trials 6 --final none -q "$@"; }
search -j 2 --study two --objective accuracy,params --limit 'params<=9000' -f json | grep -v search
search -j 1 --study one --objective accuracy,params --limit 'params<=9000' -f json | grep -v search
netwright trials one | grep -v study -f csv | cut -d, -f2-9 > one.csv
netwright trials two -f csv | cut -d, -f2-9 | cmp - one.csv && echo same trials
awk -F, 'NR > 1 && $6 > 9000' one.csv
netwright best one --objective params,accuracy | wc -l | awk '{ print ($1 > 1) }'
ls one | grep -v study
search --study none --limit 'params<=100'
echo $?
search --study none --limit 'parms<=100'
echo $?
search --study none --limit 'accuracy>=0.5'
echo $?
search --study none --objective macs,macks
echo $?
