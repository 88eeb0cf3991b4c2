# A study does not go on with another configuration.
source "$TOP/tests/cli/job.sh"
netwright search job.yaml --study study --baseline 0 -q >/dev/null
netwright search job.yaml --study study --baseline 0 -q -t 2 2>&1 | grep -o 'threads .*not [0-9]*'
netwright search job.yaml --study study --baseline 0 -q --set estimator.epochs=4 2>&1 |
    grep -o 'supernet epochs=[0-9]*' | sort -u
exit "${PIPESTATUS[0]}"
