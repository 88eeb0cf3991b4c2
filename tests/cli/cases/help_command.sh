netwright help count && netwright count --help | cmp - <(netwright help count)
