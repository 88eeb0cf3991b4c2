netwright list strategies | head -n 2
netwright list exporters --format csv | head -n 3
netwright list estimators --format json | head -n 5
