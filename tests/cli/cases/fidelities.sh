# Trials of several fidelities: the best and the front are of the highest alone.
netwright search --space "nasbench201 c=4 n=1" --data "planted n=64 size=8" --study s \
    --strategy "hyperband eta=2 min_fidelity=0.5" --estimator "train epochs=2" \
    --trials 8 --final none -q >found
netwright trials s -f csv | cut -d, -f2,13
full() { awk -F, -v column="$1" 'NR > 1 && $column ~ /^[1267]$/ { print "not full: " $0 }'; }
netwright best s -f csv | full 2
netwright best s --objective accuracy,params -f csv | head -1
netwright best s --objective accuracy,params -f csv | full 1
