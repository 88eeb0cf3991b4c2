netwright help >/dev/full
