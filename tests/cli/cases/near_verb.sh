netwright space chekc x
