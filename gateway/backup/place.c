/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/place.h"

#include "conf/load.h"
#include "store/spare.h"

#include <stdio.h>

/* The first complaint is what the user reads. */
static void keep_first(void *arg, const char *line)
{
	struct gw_error *err = arg;

	if (err->kind == GW_OK)
		gw_fail(err, GW_ERR_CONFIG, 0, "%s", line);
}

static void take(const struct gw_config *c, struct gw_backup_place *p)
{
	snprintf(p->state_dir, sizeof(p->state_dir), "%s", c->gateway.state_dir);
	snprintf(p->socket, sizeof(p->socket), "%s", c->gateway.control_socket);
	snprintf(p->spare, sizeof(p->spare), "%s" GW_SPARE_SUFFIX,
		c->gateway.control_socket);
}

enum gw_err gw_backup_place_find(const char *path, const struct gw_files *copy,
	struct gw_backup_place *ret_place, struct gw_error *err)
{
	struct gw_error why = {.kind = GW_OK};
	struct gw_complaints complaints = {.say = keep_first, .arg = &why};
	struct gw_config *config = NULL;
	enum gw_err rc = gw_config_load(path, &config, &complaints);
	bool usable = rc == GW_OK;

	if (rc && copy && copy->n > 0)
		rc = gw_config_load_files(
			copy->at[0].path, copy, NULL, &config, &complaints);
	if (rc) {
		if (err)
			*err = why;
		return rc;
	}
	ret_place->usable = usable;
	take(config, ret_place);
	gw_config_free(config);
	return GW_OK;
}
