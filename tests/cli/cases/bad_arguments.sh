netwright space check; echo $?
netwright list ops spaces; echo $?
netwright list --seed 1; echo $?
netwright search; echo $?
netwright search --space darts; echo $?
netwright search --space darts --data csv --set lr=1; echo $?
netwright search --space darts --data csv --set net.lr=1; echo $?
