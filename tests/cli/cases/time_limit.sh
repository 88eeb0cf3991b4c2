source "$TOP/tests/cli/job.sh"
time_limit() { netwright search job.yaml --study study --baseline 0 --set estimator.epochs=90000 --time-limit 1s -q; }
time_limit >/dev/null && ls study/model.onnx
