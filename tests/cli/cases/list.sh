netwright list strategies
netwright list exporters --format csv
netwright list estimators --format json
