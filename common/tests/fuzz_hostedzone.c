/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "hostedzone.h"

/*
 * The ids of the zones of a name. The first two pieces lie in the cache, for the private and the
 * public zone; the others answer.
 */

FUZZ_XML_MUTATOR

#define NAME "corp.example."
/* No profile, no file of credentials, no endpoint. */
#define KEY(visibility) "route53-zone\n" visibility "\n" NAME "\n\n\n"

static const char *const keys[HOSTEDZONE_MAX] = {KEY("private"), KEY("public")};

static const struct hostedzone_query query = {
    .name = NAME, .visibility = HOSTEDZONE_BOTH, .interface = FAKE_LINK};

static void
check_ids(char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX], size_t n, struct buf *trace)
{
    char id[ROUTE53_ID_MAX];

    FUZZ_CHECK(n == HOSTEDZONE_MAX);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(route53_id(ids[i], id) && strcmp(ids[i], id) == 0);
        fuzz_word(ids[i]);
        fuzz_say(trace, "%s\n", ids[i]);
    }
}

/* What is known is not asked for again. */
static void
find_again(struct ocf_ctx *ctx, char before[HOSTEDZONE_MAX][ROUTE53_ID_MAX])
{
    char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX];
    struct err e = {0};
    size_t n = 0;

    (void)fuzz_answers("-TLS", strlen("-TLS"));
    FUZZ_CHECK(hostedzone_find(ctx, &query, ids, &n, &e) == 0 && n == HOSTEDZONE_MAX);
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(strcmp(ids[i], before[i]) == 0);
    }
}

void
fuzz_run(const char *text, size_t len, struct buf *trace)
{
    char ids[HOSTEDZONE_MAX][ROUTE53_ID_MAX];
    const char *rest = text;
    size_t rest_len = len;
    struct err e = {0};
    size_t n = 0;
    FAKENODE ctx;
    int rc = 0;

    fuzz_node(&ctx);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *piece = NULL;
        size_t piece_len = 0;

        if (fuzz_next_piece(&rest, &rest_len, &piece, &piece_len) && piece_len > 0) {
            cache_put(&ctx.cache, keys[i], piece, piece_len);
        }
    }
    (void)fuzz_answers(rest == NULL ? "" : rest, rest_len);
    rc = hostedzone_find(&ctx, &query, ids, &n, &e);
    if (rc == 0) {
        check_ids(ids, n, trace);
        find_again(&ctx, ids);
    } else {
        fuzz_error(trace, rc, &e);
    }
    hostedzone_forget(&ctx, &query);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        FUZZ_CHECK(cache_has(&ctx.cache, keys[i], &e) == 0);
    }
}
