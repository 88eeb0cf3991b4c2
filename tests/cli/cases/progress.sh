# On a terminal a bar with the time that is left, elsewhere a line an epoch with -v.
source "$TOP/tests/cli/job.sh"
netwright search job.yaml --study a --baseline 0 --no-progress >/dev/null
netwright search job.yaml --study b --baseline 0 -v >/dev/null 2>lines
grep -c $'\r' lines
grep '^final  epoch' lines | cut -c1-16
bar() { script -qec "$1 netwright search job.yaml --study $2 --baseline 0 $3" /dev/null; }
bar "" c "" >typed
grep -qE $'\r''search  epoch [1-3]/3  \[=*>? *\] +[0-9]+ %  loss' typed && echo "a bar"
grep -q 'ETA 0:0' typed && echo "time left"
bar TERM=dumb d "" | grep -c 'epoch'
bar "" e --no-progress | grep -c 'epoch' || true
