/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/node.h"

#include <string.h>

const struct gw_yaml_node *gw_yaml_get(const struct gw_yaml_node *map, const char *key)
{
	const struct gw_yaml_node *n;

	if (map->kind != GW_YAML_MAP)
		return NULL;
	for (n = map->first; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

bool gw_yaml_is_empty(const struct gw_yaml_node *node)
{
	return node->kind == GW_YAML_SCALAR && !node->quoted &&
		(*node->text == '\0' || strcmp(node->text, "~") == 0 ||
			strcmp(node->text, "null") == 0);
}
