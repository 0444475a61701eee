/* parse_json.c - commands of a JSON document; see parse_json.h. */
#include "ruleset/parse_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEMA_VERSION 1

/* ---- tokens ---- */

static bool push(struct json_feed *f, const struct token *t)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct token *grown = realloc(f->tokens, cap * sizeof(*grown));

		if (!grown) {
			f->oom = true;
			return false;
		}
		f->tokens = grown;
		f->cap = cap;
	}
	f->tokens[f->n++] = *t;
	return true;
}

static bool word_at(struct json_feed *f, struct span at, const char *s, size_t len)
{
	return push(f, &(struct token){ .kind = TOKEN_WORD, .s = s, .len = len, .span = at });
}

bool feed_word(struct json_feed *f, const struct node *n, const char *word)
{
	return word_at(f, node_span(&f->doc, n), word, strlen(word));
}

bool feed_key(struct json_feed *f, const struct node *member, const char *word)
{
	return word_at(f, node_key_span(&f->doc, member), word, strlen(word));
}

bool feed_made(struct json_feed *f, const struct node *n, const char *fmt, ...)
{
	char text[128], *s;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0 || len >= (int)sizeof(text))
		return feed_wrong(f, n, "this is too long");
	s = document_string(&f->doc, (size_t)len);
	if (!s) {
		f->oom = true;
		return false;
	}
	memcpy(s, text, (size_t)len);
	return feed_word(f, n, s);
}

bool feed_punct(struct json_feed *f, const struct node *n, int punct)
{
	/* What messages show of it. */
	static const struct {
		int punct;
		const char *s;
	} texts[] = {
		{ '{', "{" }, { '}', "}" }, { '(', "(" }, { ')', ")" }, { '[', "[" },
		{ ']', "]" }, { ',', "," }, { '.', "." }, { '-', "-" }, { '+', "+" },
		{ '/', "/" }, { ':', ":" }, { '=', "=" }, { '<', "<" }, { '>', ">" },
		{ '&', "&" }, { '|', "|" }, { '^', "^" }, { '!', "!" }, { '@', "@" },
		{ '*', "*" }, { PUNCT_EQ, "==" }, { PUNCT_NE, "!=" }, { PUNCT_LE, "<=" },
		{ PUNCT_GE, ">=" }, { PUNCT_LSHIFT, "<<" }, { PUNCT_RSHIFT, ">>" },
	};
	struct token t = { .kind = TOKEN_PUNCT, .punct = punct, .s = "",
			   .span = node_span(&f->doc, n) };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].punct == punct)
			t.s = texts[i].s;
	}
	t.len = strlen(t.s);
	return push(f, &t);
}

bool feed_end(struct json_feed *f, const struct node *n)
{
	return push(f, &(struct token){ .kind = TOKEN_NEWLINE, .punct = ';', .s = ";", .len = 1,
					.span = node_span(&f->doc, n) });
}

bool feed_quoted(struct json_feed *f, const struct node *n, const char *s)
{
	struct token t = { .kind = TOKEN_STRING, .s = s, .len = strlen(s),
			   .span = node_span(&f->doc, n) };

	/* A listing in words could not be read again. */
	if (strchr(s, '"'))
		return feed_wrong(f, n, "strings cannot have quotes within");
	return push(f, &t);
}

bool feed_string(struct json_feed *f, const struct node *n)
{
	if (n->kind != NODE_STRING)
		return feed_expected(f, n, "a string");
	return feed_quoted(f, n, n->s);
}

bool feed_number(struct json_feed *f, const struct node *n)
{
	struct token t = { .kind = TOKEN_NUMBER, .number = n->number, .len = n->len,
			   .s = f->doc.source->text + n->off, .span = node_span(&f->doc, n) };

	if (n->kind != NODE_INTEGER)
		return feed_expected(f, n, "a number");
	if (n->negative)
		return feed_wrong(f, n, "a number below zero has no meaning here");
	return push(f, &t);
}

bool feed_seconds(struct json_feed *f, const struct node *n)
{
	if (n->kind == NODE_STRING)
		return feed_words(f, n);
	if (n->kind != NODE_INTEGER || n->negative)
		return feed_expected(f, n, "a number of seconds");
	return feed_made(f, n, "%llus", (unsigned long long)n->number);
}

/* ---- words ---- */

/* Each is what the text's scanner would have taken for one. */
bool feed_words(struct json_feed *f, const struct node *n)
{
	const char *s;

	if (n->kind != NODE_STRING)
		return feed_expected(f, n, "a string");
	s = n->s;
	do {
		size_t len = strcspn(s, " ");
		struct token t = lex_one(s, len);

		if (t.kind != TOKEN_WORD && t.kind != TOKEN_NUMBER)
			return feed_wrong(f, n, "\"%.64s\" is not a word of nft's language",
					  n->s);
		t.span = node_span(&f->doc, n);
		if (!push(f, &t))
			return false;
		s += len;
		s += *s == ' ';
	} while (*s);
	return true;
}

bool feed_flags(struct json_feed *f, const struct node *n, int between)
{
	bool first = true;

	if (n->kind != NODE_ARRAY)
		return feed_words(f, n);
	NODE_EACH(flag, n) {
		if (!first && !feed_punct(f, flag, between))
			return false;
		if (!feed_words(f, flag))
			return false;
		first = false;
	}
	return !first || feed_wrong(f, n, "this list is empty");
}

bool feed_option(struct json_feed *f, const struct node *parent, const char *key,
		 const char *word, bool (*value)(struct json_feed *f, const struct node *n))
{
	const struct node *member = node_get(parent, key);

	if (!member)
		return true;
	return feed_key(f, member, word) && value(f, member);
}

/* ---- errors ---- */

bool feed_wrong(struct json_feed *f, const struct node *n, const char *fmt, ...)
{
	struct span at = node_span(&f->doc, n);
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(f->d, &at, "%s", text);
	return false;
}

bool feed_expected(struct json_feed *f, const struct node *n, const char *what)
{
	return feed_wrong(f, n, "expected %s, found %s", what, node_kind_name(n->kind));
}

const struct node *feed_need(struct json_feed *f, const struct node *parent, const char *key)
{
	const struct node *member = node_get(parent, key);

	if (!member && parent->kind != NODE_OBJECT)
		feed_expected(f, parent, "an object");
	else if (!member)
		feed_wrong(f, parent, "this has no \"%s\"", key);
	return member;
}

const struct node *feed_only(struct json_feed *f, const struct node *n, const char *what)
{
	if (n->kind != NODE_OBJECT) {
		feed_expected(f, n, what);
		return NULL;
	}
	if (node_count(n) != 1) {
		feed_wrong(f, n, "%s has one member, this has %zu", what, node_count(n));
		return NULL;
	}
	return n + 1;
}

bool feed_unknown(struct json_feed *f, const struct node *member, const char *what,
		  const char *const *words)
{
	struct span at = node_key_span(&f->doc, member);
	const char *near = suggest(member->key, strlen(member->key), words);

	diag_error(f->d, &at, "unknown %s \"%.64s\"", what, member->key);
	if (near)
		diag_hint(f->d, "did you mean \"%s\"?", near);
	return false;
}

/* ---- what commands name ---- */

bool feed_family(struct json_feed *f, const struct node *n, bool must)
{
	const struct node *family = node_get(n, "family");

	if (family)
		return feed_words(f, family);
	return !must || feed_need(f, n, "family");
}

bool feed_name(struct json_feed *f, const struct node *parent, const char *key)
{
	const struct node *name = feed_need(f, parent, key);

	if (!name)
		return false;
	if (name->kind != NODE_STRING)
		return feed_expected(f, name, "a name");
	if (lex_one(name->s, strlen(name->s)).kind != TOKEN_WORD)
		return feed_wrong(f, name, "\"%.64s\" cannot be a name", name->s);
	return feed_words(f, name);
}

static bool feed_handle(struct json_feed *f, const struct node *n)
{
	const struct node *handle = feed_need(f, n, "handle");

	return handle && feed_key(f, handle, "handle") && feed_number(f, handle);
}

static bool feed_table(struct json_feed *f, const struct node *n)
{
	return feed_family(f, n, true) && feed_name(f, n, "table");
}

enum verb {
	VERB_NONE = 0,
	VERB_ADD, VERB_CREATE, VERB_INSERT, VERB_REPLACE, VERB_DELETE, VERB_DESTROY, VERB_LIST,
	VERB_RESET, VERB_FLUSH, VERB_RENAME, VERB_GET,
	/* An element of a listing: added, its handle says nothing. */
	VERB_LISTED,
};

static bool adds(enum verb verb)
{
	return verb == VERB_ADD || verb == VERB_CREATE || verb == VERB_LISTED;
}

static bool deletes(enum verb verb)
{
	return verb == VERB_DELETE || verb == VERB_DESTROY;
}

/* By name, or to be deleted by handle. */
static bool name_or_handle(struct json_feed *f, enum verb verb, const struct node *n)
{
	if (deletes(verb) && !node_get(n, "name") && node_get(n, "handle"))
		return feed_handle(f, n);
	return feed_name(f, n, "name");
}

static bool command_table(struct json_feed *f, enum verb verb, const struct node *o)
{
	return feed_family(f, o, true) && name_or_handle(f, verb, o) &&
	       (!adds(verb) || feed_body(f, o->key, o));
}

static bool command_chain(struct json_feed *f, enum verb verb, const struct node *o)
{
	return feed_table(f, o) && name_or_handle(f, verb, o) &&
	       (!adds(verb) || feed_body(f, o->key, o)) &&
	       (verb != VERB_RENAME || feed_name(f, o, "newname"));
}

static bool command_rule(struct json_feed *f, enum verb verb, const struct node *o)
{
	const struct node *expr, *index = node_get(o, "index"), *comment;

	if (!feed_table(f, o) || !feed_name(f, o, "chain"))
		return false;
	if (verb != VERB_ADD && verb != VERB_INSERT && verb != VERB_LISTED &&
	    !feed_handle(f, o))
		return false;
	if (verb != VERB_ADD && verb != VERB_INSERT && verb != VERB_REPLACE &&
	    verb != VERB_LISTED)
		return true;
	if (verb == VERB_ADD || verb == VERB_INSERT) {
		if (node_get(o, "handle") ? !feed_handle(f, o) :
		    index && (!feed_key(f, index, "index") || !feed_number(f, index)))
			return false;
	}
	expr = feed_need(f, o, "expr");
	if (!expr || !feed_stmts(f, expr))
		return false;
	comment = node_get(o, "comment");
	return !comment || (feed_key(f, comment, "comment") && feed_string(f, comment));
}

static bool command_object(struct json_feed *f, enum verb verb, const struct node *o)
{
	return feed_table(f, o) && name_or_handle(f, verb, o) &&
	       (!adds(verb) || feed_body(f, o->key, o));
}

static bool command_element(struct json_feed *f, enum verb verb, const struct node *o)
{
	const struct node *elem;

	(void)verb;
	if (!feed_table(f, o) || !feed_name(f, o, "name"))
		return false;
	elem = feed_need(f, o, "elem");
	return elem && feed_elements(f, elem);
}

/* Lists of all of a kind: of everything, a family, a table. */
static bool command_all(struct json_feed *f, enum verb verb, const struct node *o)
{
	(void)verb;
	if (o->kind != NODE_OBJECT || !node_get(o, "table"))
		return feed_family(f, o, false);
	return feed_key(f, node_get(o, "table"), "table") && feed_table(f, o);
}

/* reset rules: of a chain as well. */
static bool command_rules(struct json_feed *f, enum verb verb, const struct node *o)
{
	if (!node_get(o, "chain"))
		return command_all(f, verb, o);
	return feed_key(f, node_get(o, "chain"), "chain") && feed_table(f, o) &&
	       feed_name(f, o, "chain");
}

/* ---- commands ---- */

#define V(verb) (1u << VERB_##verb)
#define ADDED (V(ADD) | V(CREATE) | V(DELETE) | V(DESTROY) | V(LIST) | V(LISTED))

static const struct {
	const char *key, *words;
	unsigned verbs; /* 1 << enum verb */
	bool (*feed)(struct json_feed *f, enum verb verb, const struct node *o);
} objects[] = {
	{ "table", "table", ADDED | V(FLUSH), command_table },
	{ "chain", "chain", ADDED | V(FLUSH) | V(RENAME), command_chain },
	{ "rule", "rule",
	  V(ADD) | V(INSERT) | V(REPLACE) | V(DELETE) | V(DESTROY) | V(RESET) | V(LISTED),
	  command_rule },
	{ "set", "set", ADDED | V(FLUSH) | V(RESET), command_object },
	{ "map", "map", ADDED | V(FLUSH) | V(RESET), command_object },
	{ "meter", "meter", V(LIST) | V(FLUSH) | V(LISTED), command_object },
	{ "element", "element",
	  V(ADD) | V(CREATE) | V(DELETE) | V(DESTROY) | V(GET) | V(RESET) | V(LISTED),
	  command_element },
	{ "flowtable", "flowtable", ADDED, command_object },
	{ "counter", "counter", ADDED | V(RESET), command_object },
	{ "quota", "quota", ADDED | V(RESET), command_object },
	{ "limit", "limit", ADDED, command_object },
	{ "ct helper", "ct helper", ADDED, command_object },
	{ "ct timeout", "ct timeout", ADDED, command_object },
	{ "ct expectation", "ct expectation", ADDED, command_object },
	{ "secmark", "secmark", ADDED, command_object },
	{ "synproxy", "synproxy", ADDED, command_object },
	{ "ruleset", "ruleset", V(LIST) | V(FLUSH), command_all },
	{ "tables", "tables", V(LIST), command_all },
	{ "chains", "chains", V(LIST), command_all },
	{ "rules", "rules", V(RESET), command_rules },
	{ "sets", "sets", V(LIST), command_all },
	{ "maps", "maps", V(LIST), command_all },
	{ "meters", "meters", V(LIST), command_all },
	{ "flowtables", "flowtables", V(LIST), command_all },
	{ "counters", "counters", V(LIST) | V(RESET), command_all },
	{ "quotas", "quotas", V(LIST) | V(RESET), command_all },
	{ "limits", "limits", V(LIST), command_all },
	{ "ct helpers", "ct helpers", V(LIST), command_all },
	{ "ct timeouts", "ct timeout", V(LIST), command_all },
	{ "ct expectations", "ct expectation", V(LIST), command_all },
	{ "secmarks", "secmarks", V(LIST), command_all },
	{ "synproxys", "synproxys", V(LIST), command_all },
};
#define N_OBJECTS (sizeof(objects) / sizeof(objects[0]))

static const struct {
	const char *word;
	enum verb verb;
} verbs[] = {
	{ "add", VERB_ADD },	     { "create", VERB_CREATE },	  { "insert", VERB_INSERT },
	{ "replace", VERB_REPLACE }, { "delete", VERB_DELETE },	  { "destroy", VERB_DESTROY },
	{ "list", VERB_LIST },	     { "reset", VERB_RESET },	  { "flush", VERB_FLUSH },
	{ "rename", VERB_RENAME },   { "get", VERB_GET },
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void say_objects(struct json_feed *f, const char *verb, const char *const *words)
{
	struct text list = TEXT_INIT;

	for (size_t i = 0; words[i]; i++)
		text_printf(&list, "%s\"%s\"", i ? ", " : "", words[i]);
	diag_hint(f->d, "what \"%s\" is for: %s", verb, text_str(&list));
	text_fini(&list);
}

/* At a member with an object's name. */
static bool command_of(struct json_feed *f, enum verb verb, const char *word,
		       const struct node *o)
{
	const char *words[N_OBJECTS + 1];
	size_t n = 0;

	for (size_t i = 0; i < N_OBJECTS; i++) {
		if (!(objects[i].verbs & 1u << verb))
			continue;
		words[n++] = objects[i].key;
		if (strcmp(objects[i].key, o->key) != 0)
			continue;
		for (const char *s = objects[i].words; *s;) {
			size_t len = strcspn(s, " ");

			if (!word_at(f, node_key_span(&f->doc, o), s, len))
				return false;
			s += len + (s[len] == ' ');
		}
		return objects[i].feed(f, verb, o);
	}
	words[n] = NULL;
	if (verb == VERB_LISTED)
		return feed_unknown(f, o, "command or object", words);
	feed_unknown(f, o, "object", words);
	if (n < 5)
		say_objects(f, word, words);
	return false;
}

static bool metainfo(struct json_feed *f, const struct node *n)
{
	const struct node *version = node_get(n, "json_schema_version");

	if (!version || version->kind != NODE_INTEGER ||
	    (!version->negative && version->number <= SCHEMA_VERSION))
		return true;
	return feed_wrong(f, version, "this is schema version %llu, known is %u",
			  (unsigned long long)version->number, SCHEMA_VERSION);
}

static bool feed_command(struct json_feed *f, const struct node *command)
{
	const struct node *member = feed_only(f, command, "a command"), *o;
	const char *word = "add";
	enum verb verb = VERB_LISTED;

	if (!member)
		return false;
	if (!strcmp(member->key, "metainfo"))
		return metainfo(f, member);
	for (size_t i = 0; i < N_VERBS; i++) {
		if (!strcmp(verbs[i].word, member->key)) {
			verb = verbs[i].verb;
			word = verbs[i].word;
		}
	}
	o = verb == VERB_LISTED ? member : feed_only(f, member, "what a command is for");
	if (!o || !feed_key(f, member, word))
		return false;
	return command_of(f, verb, word, o) && feed_end(f, command);
}

/* ---- the feed ---- */

/* Whether it is what a listing says, without any verb. */
static bool is_listing(const struct node *commands)
{
	NODE_EACH(command, commands) {
		if (command->kind != NODE_OBJECT || node_count(command) != 1)
			return false;
		for (size_t i = 0; i < N_VERBS; i++) {
			if (!strcmp(verbs[i].word, command[1].key))
				return false;
		}
	}
	return true;
}

static bool is_frame(const struct node *command)
{
	return !strcmp(command[1].key, "table") || !strcmp(command[1].key, "chain");
}

static void next_command(struct json_feed *f)
{
	f->n = f->at = 0;
	f->command++;
	if ((!f->listing || is_frame(f->next) != f->rest) && !feed_command(f, f->next)) {
		f->n = 0;
		f->failed = true;
	}
	f->next = node_next(f->next);
	if (f->next == f->end && f->listing && !f->rest) {
		f->rest = true;
		f->next = f->first;
		f->command = 0;
	}
}

static bool next_token(struct lex_feed *feed, struct token *ret_token)
{
	struct json_feed *f = (struct json_feed *)feed;

	while (f->at == f->n && f->next < f->end && !f->oom)
		next_command(f);
	if (f->at == f->n || f->oom)
		return false;
	*ret_token = f->tokens[f->at++];
	return true;
}

bool json_feed_is(const char *text, size_t len)
{
	size_t blank = 0;

	while (blank < len && strchr(" \t\r\n", text[blank]) && text[blank])
		blank++;
	return blank < len && text[blank] == '{';
}

/* { "nftables": [ commands ] } */
static bool open_document(struct json_feed *f)
{
	const struct node *commands = feed_need(f, f->doc.nodes, "nftables");

	if (!commands)
		return false;
	if (commands->kind != NODE_ARRAY)
		return feed_expected(f, commands, "an array of commands");
	f->next = f->first = commands + 1;
	f->listing = is_listing(commands);
	f->end = node_next(commands);
	return true;
}

struct json_feed *json_feed_new(struct lex *lx, struct diag *d, int *ret_err)
{
	struct json_feed *f = calloc(1, sizeof(*f));
	struct source *source;

	if (!f) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	f->feed.next = next_token;
	f->d = d;
	source = lex_feed(lx, &f->feed);
	source->path = document_path;
	*ret_err = document_read(&f->doc, source, d);
	if (!*ret_err && !open_document(f))
		*ret_err = -EINVAL;
	if (!*ret_err)
		return f;
	json_feed_free(f);
	return NULL;
}

void json_feed_free(struct json_feed *f)
{
	if (!f)
		return;
	document_fini(&f->doc);
	free(f->tokens);
	free(f);
}
