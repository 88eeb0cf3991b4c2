# Shape of what is printed: times are of the machine.
netwright bench darts-v2 c=4 layers=2 -n 1 -b 2 -t 1 -f csv | head -1
netwright bench darts-v2 c=4 layers=2 -n 1 -b 2 -t 1 --inference | wc -l
netwright bench darts-v2 c=4 layers=2 -n 1 -b 2 -t 1 --profile -f csv | awk -F, 'NR > 1 { macs += $6 } END { print macs }'
netwright bench darts-v2 c=4 layers=2 -n 1 -b 2 -t 1 --profile --profile -f csv | awk -F, 'NR > 1 { macs += $6 } END { print macs }'
netwright count darts-v2 c=4 layers=2 -f csv | tail -1 | cut -d, -f3
netwright bench darts-v2 -b 0; echo $?
# every convolution says what it runs on, other layers have no choice
netwright bench darts-v2 c=4 layers=2 -n 1 -b 2 -t 1 --profile --profile -f csv | tr -d '\r' > rows.csv
head -1 rows.csv
grep '^conv2d.*,$' rows.csv | wc -l
grep '^relu' rows.csv | grep -v ',$' | wc -l
