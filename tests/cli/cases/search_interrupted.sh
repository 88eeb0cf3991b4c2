# Ctrl-C once: the step ends and is saved; the same command goes on to the same end.
source "$TOP/tests/cli/job.sh"
netwright search job.yaml --study alone -q >/dev/null
set -m # so that the job does not ignore SIGINT
netwright search job.yaml --study stopped --set estimator.epochs=3 >/dev/null 2>words &
pid=$!
says words architectures
sleep 0.2
kill -INT $pid
wait $pid
echo "exit code $?"
cat words >&2
netwright search job.yaml --study stopped -q >/dev/null
same alone stopped
