# The page renders without a warning and names every command and option.
netwright help --man >netwright.1
groff -man -Tutf8 -ww -z netwright.1
man -l netwright.1 2>/dev/null | col -b >text || exit 77
head -n 4 text | tail -n 2
for command in $(netwright help | awk '/^Commands/{on=1;next} /^$/{on=0} on{print $1}'); do
    grep -q "netwright $command" text || echo "$command is missing"
    netwright help $command | grep -o -- '--[a-z-]*' | while read -r option; do
        grep -qe "$option" text || echo "$option is missing"
    done
done
