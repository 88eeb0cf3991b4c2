/* driver.c - run a fuzz target over the files that are named, or in the folders named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int run_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long n = -1;

    if (in && !fseek(in, 0, SEEK_END) && (n = ftell(in)) >= 0 && !fseek(in, 0, SEEK_SET))
        bytes = malloc(n ? (size_t)n : 1);
    if (!bytes || fread(bytes, 1, (size_t)n, in) != (size_t)n) {
        perror(path);
        exit(1);
    }
    fclose(in);
    LLVMFuzzerTestOneInput(bytes, (size_t)n);
    free(bytes);
    return 1;
}

static int run(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char inner[4096];
    int n = 0;

    if (!dir)
        return run_file(path);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
            n += run(inner);
        }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;

    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        n += run(argv[i]);
    printf("%d inputs\n", n);
    return n ? 0 : 1;
}
