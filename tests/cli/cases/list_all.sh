# Every kind is there, and every name has a line of its own.
netwright list --format csv | cut -d, -f1 | uniq
netwright list --format csv | awk -F, '$3 == ""'
