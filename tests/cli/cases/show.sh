# A network as a table, and as a drawing or an architecture in a file or on the screen.
net=("darts c=4 layers=2 steps=2 multiplier=2" --input 3x8x8 --classes 4 --seed 5)
for form in svg dot json; do
    netwright show "${net[@]}" --to $form --out net.$form
    netwright show "${net[@]}" --to $form | cmp - net.$form && echo "$form: same on the screen"
done
grep -c '<svg' net.svg
grep -c '</svg>' net.svg
head -n 1 net.dot
python3 -m json.tool net.json >/dev/null && echo "valid JSON"
netwright show "${net[@]}" --arch net.json --to table | tail -n 1
netwright show "${net[@]}" --to onnx --out net.onnx; echo "exit code $?"
netwright show "${net[@]}" --to svg --out absent/net.svg; echo "exit code $?"
ls
