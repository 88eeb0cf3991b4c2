for option in --seed=-1 --threads=two --time-limit=10x --format=xml --valid=1.5 --quiet=1 --out -x; do
    netwright search $option
    echo $?
done
