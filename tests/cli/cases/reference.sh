# docs/reference is what the command says; after a change run `ninja -C build docs`.
for page in command ops spaces strategies estimators datasets exporters; do
    netwright help --markdown $page | diff "$TOP/docs/reference/$page.md" - >/dev/null ||
        echo "docs/reference/$page.md is not up to date"
done
