# Ctrl-C once: the step ends and is saved; the same command goes on to the same end.
source "$TOP/tests/cli/job.sh"
netwright search job.yaml --study alone -q >/dev/null
set -m # so that the job does not ignore SIGINT
netwright search job.yaml --study stopped --set estimator.epochs=3 >/dev/null &
pid=$!
until [[ -e stopped/study.db ]]; do sleep 0.02; done
sleep 0.2
kill -INT $pid
wait $pid
echo "exit code $?"
netwright search job.yaml --study stopped -q >/dev/null
same alone stopped
