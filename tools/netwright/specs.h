/* specs.h - specs as the options give them: --set put in, the cache directory added. */
#ifndef TOOL_SPECS_H
#define TOOL_SPECS_H

#include "tool.h"

/* Every --set must read part.key=value with a part that `parts` ("space|data") lists.
 * Answers an exit code. */
int specs_check(struct tool *tool, const char *parts);

/* `spec` with what --set says about part. */
const char *specs_with(struct tool *tool, const char *part, const char *spec);

/* `spec` with key=value in place of what it says about key, or at its end. */
const char *specs_put(struct tool *tool, const char *spec, const char *key,
                      const char *value);

/* Does the data set that `spec` names know the key? */
int specs_takes(struct tool *tool, const char *spec, const char *key);

/* Every --limit as one text; NULL = there are none. */
const char *specs_limits(struct tool *tool);

/* Share of the data that --valid keeps for the scores of this estimator. */
double specs_valid(struct tool *tool, const char *estimator);

int specs_has(const char *spec, const char *key);
const char *specs_name(struct tool *tool, const char *spec); /* its first word */

/* Open the data set; part is "data" or "test". NULL = nw_errmsg() says why. */
nw_data *specs_open_data(struct tool *tool, const char *part, const char *spec);

/* Open the space or network of `spec` for data; sealed. NULL = nw_errmsg() says why. */
nw_space *specs_open_space(struct tool *tool, const char *spec, const nw_data *data);

/* The arguments from `first` on, "NAME key=value ...", as one spec in *out; "genotype
 * FILE" is "genotype file=FILE". Answers an exit code. */
int specs_join(struct tool *tool, int first, const char **out);

/* Open a space or network without a job: --data or --input and --classes say what it
 * takes; if they do not, the spec or file must. A name that both have is the network if
 * is_net. Answers an exit code. */
int specs_open_net(struct tool *tool, const char *spec, int is_net, nw_space **out);

#endif
