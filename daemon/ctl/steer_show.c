/* steer_show.c - ctfwctl steer show: what of steering is there and what is missing. */
#include <stdlib.h>
#include <string.h>

#include "ctfw/plan.h"
#include "ctl/steer.h"
#include "ctl/writer.h"

static size_t count_missing(const struct plan *p)
{
	size_t i, n = 0;

	for (i = 0; i < p->n; i++)
		n += !p->v[i].found;
	return n;
}

/* Whether steering waits for an interface: what needs it is not in the plan then. */
static bool is_absent(const struct plan *p, const struct config_capture *capture)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].capture == capture && p->v[i].kind == PLAN_QDISC)
			return false;
	}
	return true;
}

/* ---- for people ---- */

/* Items of one [capture]; of NULL, those of none of them. */
static bool print_part(FILE *out, const struct plan *p, const struct config_capture *capture,
		       const char *title)
{
	struct columns c;
	bool any = false;
	size_t i;

	columns_init(&c, "lll");
	for (i = 0; i < p->n; i++) {
		const struct plan_item *item = &p->v[i];
		struct text words = TEXT_INIT;

		if (item->capture != capture)
			continue;
		any = true;
		plan_words(item, &words);
		columns_row(&c, item->found ? "there" : "MISSING", plan_kind_name(item->kind),
			    text_str(&words));
		text_fini(&words);
	}
	if (any)
		fprintf(out, "%s%s:\n", title,
			capture && is_absent(p, capture) ?
				", which is not there; what it needs comes with it" :
				"");
	columns_print(&c, out, 2);
	return any;
}

static void print_words(FILE *out, const struct config *config, const struct plan *p)
{
	size_t i, missing = count_missing(p);
	bool any = false;

	for (i = 0; i < config->n_captures; i++)
		any |= print_part(out, p, &config->captures[i], config->captures[i].ifname);
	any |= print_part(out, p, NULL, "for all, and for TUNs of the operator's own");
	if (!any)
		fputs("Nothing is captured.\n", out);
	else if (!missing)
		fprintf(out, "All %zu are there.\n", p->n);
	else
		fprintf(out, "%zu of %zu are missing.\n", missing, p->n);
}

/* ---- for programs ---- */

static json_t *item_json(const struct plan_item *item)
{
	struct text words = TEXT_INIT, lines = TEXT_INIT;
	json_t *object;

	plan_words(item, &words);
	plan_commands(item, &lines);
	object = json_pack("{ss sb sb ss so}", "kind", plan_kind_name(item->kind), "there",
			   item->found, "closing", item->closing, "what", text_str(&words),
			   "commands", steer_lines(text_str(&lines)));
	if (object && item->capture)
		json_object_set_new(object, "capture", json_string(item->capture->ifname));
	if (object && item->l3)
		json_object_set_new(object, "family",
				    json_string(item->l3 == L3_IPV4 ? "ip" : "ip6"));
	text_fini(&words);
	text_fini(&lines);
	return object;
}

static int print_json(struct ctl *ctl, const struct config *config, const struct plan *p)
{
	json_t *items = json_array(), *absent = json_array(), *all;
	size_t i;

	for (i = 0; i < p->n; i++)
		json_array_append_new(items, item_json(&p->v[i]));
	for (i = 0; i < config->n_captures; i++) {
		if (is_absent(p, &config->captures[i]))
			json_array_append_new(absent, json_string(config->captures[i].ifname));
	}
	all = json_pack("{sI so so}", "missing", (json_int_t)count_missing(p), "absent", absent,
			"items", items);
	if (!all)
		return ctl_error(ctl, "out of memory");
	json_dumpf(all, ctl->out, JSON_INDENT(2));
	fputc('\n', ctl->out);
	json_decref(all);
	return 0;
}

int steer_run_show(struct ctl *ctl, const struct config *config, const struct steer_options *o)
{
	struct diag d = DIAG_INIT;
	struct text script = TEXT_INIT;
	struct plan p;
	int status = 0;

	if (plan_read(config, &p, &d))
		return steer_tell(ctl, &d);
	if (o->json) {
		status = print_json(ctl, config, &p);
	} else if (o->commands) {
		plan_script(&p, &script);
		fputs(text_str(&script), ctl->out);
		status = text_failed(&script) ? ctl_error(ctl, "out of memory") : 0;
	} else {
		print_words(ctl->out, config, &p);
	}
	text_fini(&script);
	plan_fini(&p);
	diag_fini(&d);
	return status;
}
