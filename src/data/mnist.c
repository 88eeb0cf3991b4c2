/*
 * mnist.c - MNIST and Fashion-MNIST: four idx files each, with the same names.
 *
 * [1] LeCun et al. 1998, Gradient-based learning applied to document recognition.
 * [2] Xiao et al. 2017, Fashion-MNIST, arXiv:1708.07747.
 */
#include "source.h"

#include <stddef.h>
#include <string.h>

enum { CLASSES = 10 };

struct mnist {
    char dir[NW_TEXT_SIZE], cache[NW_TEXT_SIZE], split[NW_TEXT_SIZE];
};

static const nw_attr attrs[] = {
    {"dir", NW_TEXT, offsetof(struct mnist, dir), "", 0, 0,
     "directory of the four idx files; without it the cache, then the system's", NULL},
    {"split", NW_TEXT, offsetof(struct mnist, split), "train", 0, 0,
     "train (60,000 examples) or test (10,000)", NULL},
    {"cache", NW_TEXT, offsetof(struct mnist, cache), "", 0, 0,
     "directory that `netwright data get` fills", NULL},
    {0},
};

/* What differs between the two. */
struct variety {
    const char *name, *system_dir, *how;
    const char *const *classes;
};

static nw_status read_pair(const struct variety *v, nw_ctx *ctx, const char *images_path,
                           const char *labels_path, nw_data_info *info)
{
    nw_source images = {.ctx = ctx}, labels = {.ctx = ctx};
    nw_status status = nw_source_read(&images, ctx, v->name, images_path);

    if (status >= 0)
        status = nw_source_read(&labels, ctx, v->name, labels_path);
    if (status >= 0)
        status = nw_idx_read(&images, &labels, CLASSES, info);
    if (status >= 0)
        status = nw_class_names(ctx, CLASSES, v->classes, info);
    nw_source_free(&images);
    nw_source_free(&labels);
    return status;
}

static nw_status open_variety(const struct variety *v, const struct mnist *o, nw_ctx *ctx,
                              nw_data_info *info)
{
    char images_file[32], labels_file[32], images[NW_PATH_SIZE], labels[NW_PATH_SIZE];
    int test = !strcmp(o->split, "test");
    nw_places places;

    if (!test && strcmp(o->split, "train"))
        return nw_fail(ctx, NW_ESPEC, "%s: split=%s is not train or test", v->name,
                       o->split);
    snprintf(images_file, sizeof(images_file), "%s-images-idx3-ubyte",
             test ? "t10k" : "train");
    snprintf(labels_file, sizeof(labels_file), "%s-labels-idx1-ubyte",
             test ? "t10k" : "train");
    nw_places_set(&places, o->dir, o->cache, v->name, v->system_dir);
    if (!nw_find_file(images, &places, images_file))
        return nw_fail_absent(ctx, v->name, &places, images_file, v->how);
    if (!nw_find_file(labels, &places, labels_file))
        return nw_fail_absent(ctx, v->name, &places, labels_file, v->how);
    return read_pair(v, ctx, images, labels, info);
}

/* ---- MNIST ------------------------------------------------------------------ */

static nw_status mnist_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4",
                                         "5", "6", "7", "8", "9"};
    static const struct variety mnist = {"mnist", NULL,
                                         "`netwright data get mnist` brings it", digits};

    return open_variety(&mnist, self, ctx, info);
}

static const nw_data_file mnist_files[] = {
    {"train-images-idx3-ubyte.gz",
     "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422},
    {"train-labels-idx1-ubyte.gz",
     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881},
    {"t10k-images-idx3-ubyte.gz",
     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877},
    {"t10k-labels-idx1-ubyte.gz",
     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542},
    {0},
};

const nw_data_type nw_data_mnist = {
    .name = "mnist",
    .doc = "handwritten digits, 1x28x28, 10 classes",
    .paper = "LeCun et al. 1998, Gradient-based learning applied to document recognition",
    .attrs = attrs,
    .size = sizeof(struct mnist),
    .open = mnist_open,
    .url = "https://ossci-datasets.s3.amazonaws.com/mnist/",
    .files = mnist_files,
};

/* ---- Fashion-MNIST ---------------------------------------------------------- */

static nw_status fashion_mnist_open(void *self, nw_ctx *ctx, nw_data_info *info)
{
    static const char *const clothes[] = {
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    static const struct variety fashion = {"fashion-mnist",
                                           "/usr/share/datasets/fashion-mnist",
                                           "the package dataset-fashion-mnist or "
                                           "`netwright data get fashion-mnist` brings it",
                                           clothes};

    return open_variety(&fashion, self, ctx, info);
}

static const nw_data_file fashion_mnist_files[] = {
    {"train-images-idx3-ubyte.gz",
     "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880},
    {"train-labels-idx1-ubyte.gz",
     "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515},
    {"t10k-images-idx3-ubyte.gz",
     "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102},
    {"t10k-labels-idx1-ubyte.gz",
     "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148},
    {0},
};

const nw_data_type nw_data_fashion_mnist = {
    .name = "fashion-mnist",
    .doc = "photos of clothes, 1x28x28, 10 classes",
    .paper = "Xiao et al. 2017, Fashion-MNIST, arXiv:1708.07747",
    .attrs = attrs,
    .size = sizeof(struct mnist),
    .open = fashion_mnist_open,
    .url = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    .files = fashion_mnist_files,
};
