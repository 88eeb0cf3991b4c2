netwright search --sede 1
