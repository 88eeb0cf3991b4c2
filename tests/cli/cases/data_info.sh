printf 'a,b,label\n1,2,cat\n3,4,dog\n5,6,cat\n' >tiny.csv
netwright data info "csv file=tiny.csv"
netwright data info "csv file=tiny.csv" --format json >json && python3 -m json.tool json >/dev/null
netwright data info "csv file=tiny.csv" --set data.label=nolabel; echo $?
netwright data info "csv file=absent.csv"; echo $?
