# Ctrl-C twice: the first is heard at the end of the step, which takes seconds here, the
# second at once. The same command then ends as one that was left alone.
source "$TOP/tests/cli/job.sh"
search()
{
    exec netwright search job.yaml --baseline 0 --set space.c=16 "$@" \
        --set estimator.batch=800 --set estimator.epochs=1 --set estimator.steps=1 \
        --set final.epochs=1 --set final.steps=4
}
(search --study alone -q) >/dev/null
set -m # so that the job does not ignore SIGINT
(search --study stopped) >/dev/null 2>words &
pid=$!
says words architectures
kill -INT $pid
says words stopping
kill -INT $pid
wait $pid
echo "exit code $?"
cat words >&2
netwright trials stopped --stage final 2>/dev/null | wc -l
(search --study stopped -q) >/dev/null
same alone stopped
