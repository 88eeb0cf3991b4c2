# Killed again and again, the search ends as the one that was left alone.
source "$TOP/tests/cli/job.sh"
netwright search job.yaml --study alone -q >/dev/null
for try in {1..40}; do
    netwright search job.yaml --study killed -q >/dev/null &
    pid=$!
    (sleep "0.$((try % 7 + 1))"; kill -9 $pid) 2>/dev/null &
    wait $pid 2>/dev/null && break
done
((try > 1)) && echo "killed"
netwright search job.yaml --study killed -q >/dev/null
same alone killed
