/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answers53.h"
#include "fakenode.h"

#include "record.h"

#define NAME       "db.corp.example."
#define ZONE       "corp.example."
#define LISTS      "/hostedzonesbyname"
#define READS(id)  "/hostedzone/" id "/rrset?"
#define WRITES(id) "/hostedzone/" id "/rrset/"
#define ASKS       "/change/"

#define A(ttl, value)    SET(NAME, "A", "", DATA(ttl, value))
#define AAAA(ttl, value) SET(NAME, "AAAA", "", DATA(ttl, value))
#define OURS             A("10", "10.0.1.10")
#define THEIRS           A("10", "10.0.2.10")

#define FINDS                                                                                      \
    {                                                                                              \
        .url = LISTS, .status = 200,                                                               \
        .answer = ZONES(ZONE_OF("Z1", ZONE, "true") ZONE_OF("Z2", ZONE, "false"), COMPLETE)        \
    }
#define HAS(id, sets)                                                                              \
    {                                                                                              \
        .method = "GET", .url = READS(id), .status = 200, .answer = SETS(sets, COMPLETE)           \
    }
#define NO_ZONE(id)                                                                                \
    {                                                                                              \
        .url = READS(id), .status = 404, .answer = ERROR("NoSuchHostedZone", "none")               \
    }
#define TAKES(id, body_)                                                                           \
    {                                                                                              \
        .method = "POST", .url = WRITES(id), .body = HEAD body_ TAIL, .status = 200,               \
        .answer = CHANGED("PENDING")                                                               \
    }
#define REFUSES(id, status_, code)                                                                 \
    {                                                                                              \
        .method = "POST", .url = WRITES(id), .status = (status_), .answer = ERROR(code, "no")      \
    }
#define TOO_LATE(id) REFUSES(id, 400, "InvalidChangeBatch")
#define IS(status_)                                                                                \
    {                                                                                              \
        .url = ASKS "C123ABC", .status = 200,                                                      \
        .answer = "<GetChangeResponse><ChangeInfo><Id>/change/C123ABC</Id><Status>" status_        \
                  "</Status></ChangeInfo></GetChangeResponse>"                                     \
    }

/* What an agent keeps between its callbacks. */
struct name {
    struct ocf_ctx ctx;
    struct record_params p;
    struct record r;
};

static void
name_done(struct name *n)
{
    record_done(&n->r);
    fakenode_done(&n->ctx);
}

#define NAMED OCF_CLEANUP(name_done) struct name

static struct param_addresses
addresses(const char *first, const char *second)
{
    struct param_addresses a = {.n = 0};

    assert_true(addr_parse(first, &a.items[a.n++]));
    assert_true(second == NULL || addr_parse(second, &a.items[a.n++]));
    return a;
}

/* db.corp.example of the private zone, for 10.0.1.10. */
static void
name_init(struct fake *f, struct name *n)
{
    *n = (struct name){.p = {.name = "DB.corp.example",
                             .zone = "corp.example",
                             .visibility = HOSTEDZONE_PRIVATE,
                             .value = addresses("10.0.1.10", NULL),
                             .ttl_ms = 10000,
                             .interface = FAKE_LINK,
                             .wait_insync = true,
                             .insync_interval_ms = 2000}};
    fakenode_init(f, &n->ctx, NULL);
}

static void
give_time(struct fake *f, struct name *n)
{
    n->ctx.deadline = fake_deadline(f, 30000);
}

/* Read, and judge what was found. */
static enum ocf_verdict
look(struct name *n, struct err *why)
{
    *why = (struct err){0};
    assert_int_equal(record_read(&n->ctx, &n->p, &n->r, why), 0);
    return record_verdict(&n->r, why);
}

/* --- parameters ------------------------------------------------------------------------------ */

static void
record_check_names_what_is_wrong(void **state)
{
    static const struct {
        struct record_params p;
        const char *says; /* NULL: nothing is wrong */
    } cases[] = {
        {{.name = "db.corp.example", .zone = "corp.example."}, NULL},
        {{.name = "corp.example", .zone = "CORP.example", .ttl_ms = 1000}, NULL},
        {{.name = "x.y", .hosted_zone_id = "/hostedzone/Z1"}, NULL},
        {{.name = NULL, .zone = "y"}, "name is not set"},
        {{.name = "a..b", .zone = "b"}, "name=\"a..b\""},
        {{.name = "a.b"}, "exactly one of hosted_zone_id and zone is required, none is set"},
        {{.name = "a.b", .zone = "b", .hosted_zone_id = "Z1"}, "not both"},
        {{.name = "a.b", .zone = "b b"}, "zone=\"b b\""},
        {{.name = "a.xb", .zone = "b"}, "allowed is a name in zone=\"b\""},
        {{.name = "a.b", .hosted_zone_id = "Z-1"}, "hosted_zone_id=\"Z-1\""},
        {{.name = "a.b", .zone = "b", .ttl_ms = 1500}, "ttl=\"1500ms\""},
        {{.name = "a.b", .zone = "b", .delete_on_stop = true, .set_identifier = "x"},
         "delete_on_stop"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        int rc = record_check(&cases[i].p, &e);

        assert_int_equal(rc, cases[i].says == NULL ? 0 : -ERR_PARAM);
        assert_int_equal(e.code, rc);
        assert_true(cases[i].says == NULL || strstr(e.text, cases[i].says) != NULL);
    }
}

/* --- reading --------------------------------------------------------------------------------- */

static void
record_read_compares_the_values(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule answer;
        enum ocf_verdict verdict;
        const char *why;
    } cases[] = {
        {"ours", HAS("Z1", OURS), OCF_HERE, ""},
        {"theirs", HAS("Z1", THEIRS), OCF_ELSEWHERE, "A of " NAME " in Z1 is 10.0.2.10"},
        {"one that ours begins like", HAS("Z1", A("10", "10.0.1.1")), OCF_ELSEWHERE,
         "A of " NAME " in Z1 is 10.0.1.1"},
        {"nothing", HAS("Z1", ""), OCF_ABSENT, "A of " NAME " in Z1 does not exist"},
        {"of another name", HAS("Z1", SET("x." NAME, "A", "", DATA("10", "10.0.1.10"))), OCF_ABSENT,
         "A of " NAME " in Z1 does not exist"},
        {"another TTL", HAS("Z1", A("60", "10.0.1.10")), OCF_DEGRADED,
         "A of " NAME " in Z1 has TTL 60s and not 10s"},
        {"AAAA of whoever", HAS("Z1", OURS AAAA("60", "2001:db8::9")), OCF_HERE, ""},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, FINDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err why;
        NAMED n;

        print_message("  %s\n", cases[i].name);
        name_init(f, &n);
        fake_script(f, &cases[i].answer, 1);
        assert_int_equal(look(&n, &why), cases[i].verdict);
        assert_string_equal(why.text, cases[i].why);
    }
    assert_int_equal(f->n_requests, 1 + ARRAY_LEN(cases)); /* warm: one call */
}

/* The A record is on one page and the AAAA record on the next. */
static void
record_read_over_several_pages(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    n.p.value = addresses("10.0.1.10", "2001:db8::10");
    FAKE_SCRIPT(f, FINDS,
                {.url = READS("Z1") "name=" NAME "&maxitems",
                 .status = 200,
                 .answer = SETS(OURS, "<IsTruncated>true</IsTruncated><NextRecordName>" NAME
                                      "</NextRecordName><NextRecordType>AAAA</NextRecordType>")},
                {.url = READS("Z1") "name=" NAME "&type=AAAA",
                 .status = 200,
                 .answer = SETS(AAAA("10", "2001:db8::10"), COMPLETE)});
    assert_int_equal(look(&n, &why), OCF_HERE);
    assert_int_equal(n.r.zones[0].sets.n, 2);
}

#define V4S  FAKE_MACS "local-ipv4s"
#define PUBS FAKE_MACS "public-ipv4s"
#define V6S  FAKE_MACS "ipv6s"

static void
record_read_values_of_the_node(void **state)
{
    static const struct {
        const char *name;
        int word;
        struct fake_rule v4;
        struct fake_rule v6;
        int rc;
        const char *found; /* the A record that is ours then */
    } cases[] = {
        {"private", RECORD_PRIVATE, IMDS_GIVES(V4S, "10.0.1.10\n10.0.1.11"), IMDS_LACKS(V6S), 0,
         "10.0.1.10"},
        {"public", RECORD_PUBLIC, IMDS_GIVES(PUBS, "52.9.0.12"), IMDS_GIVES(V6S, "2001:db8::10"), 0,
         "52.9.0.12"},
        {"IPv6 alone", RECORD_PUBLIC, IMDS_LACKS(PUBS), IMDS_GIVES(V6S, "2001:db8::10"), 0, NULL},
        {"no public one", RECORD_PUBLIC, IMDS_LACKS(PUBS), IMDS_LACKS(V6S), -ERR_PARAM_LOCAL, NULL},
        {"no address", RECORD_PRIVATE, IMDS_GIVES(V4S, "<html/>"), IMDS_LACKS(V6S), -ERR_MALFORMED,
         NULL},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS, FINDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        NAMED n;
        int rc = 0;

        print_message("  %s\n", cases[i].name);
        name_init(f, &n);
        n.p.value = (struct param_addresses){.word = cases[i].word};
        fake_script(f, &cases[i].v4, 1);
        fake_script(f, &cases[i].v6, 1);
        if (cases[i].rc == 0) {
            FAKE_SCRIPT(f, HAS("Z1", THEIRS));
        }
        rc = record_read(&n.ctx, &n.p, &n.r, &e);
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(e.code, rc);
        if (rc < 0) {
            continue;
        }
        assert_int_equal(n.r.values.of[0].n, cases[i].found == NULL ? 0 : 1);
        assert_int_equal(n.r.values.of[1].n, i == 0 ? 0 : 1);
        if (cases[i].found != NULL) {
            char text[ADDR_TEXT_MAX];

            assert_string_equal(addr_text(&n.r.values.of[0].items[0], text), cases[i].found);
        }
    }
}

/* An id from the cache may be of a zone that was made anew since. */
static void
record_read_forgets_a_zone_that_is_gone(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(
        f, FINDS, HAS("Z1", OURS), NO_ZONE("Z1"),
        {.url = LISTS, .status = 200, .answer = ZONES(ZONE_OF("Z7", ZONE, "true"), COMPLETE)},
        HAS("Z7", THEIRS), HAS("Z7", OURS));
    assert_int_equal(look(&n, &why), OCF_HERE);
    assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
    assert_string_equal(n.r.zones[0].id, "Z7");
    assert_int_equal(look(&n, &why), OCF_HERE);
    assert_int_equal(fake_count(f, LISTS), 2);
}

static void
record_read_zone_that_is_not_there(void **state)
{
    struct fake *f = *state;
    struct err e = {0};
    NAMED by_id;
    NAMED by_name;

    name_init(f, &by_id);
    by_id.p.zone = NULL;
    by_id.p.hosted_zone_id = "Z1";
    FAKE_SCRIPT(f, NO_ZONE("Z1"), FINDS, NO_ZONE("Z1"), FINDS, NO_ZONE("Z1"));
    assert_int_equal(record_read(&by_id.ctx, &by_id.p, &by_id.r, &e), -ERR_NOT_FOUND);
    assert_string_equal(e.text, "hosted_zone_id=\"Z1\": this account has no such hosted zone");
    name_init(f, &by_name);
    assert_int_equal(record_read(&by_name.ctx, &by_name.p, &by_name.r, &e), -ERR_NOT_FOUND);
}

/* --- writing --------------------------------------------------------------------------------- */

static void
record_write_replaces_exactly_what_was_read(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS, HAS("Z1", THEIRS), TAKES("Z1", DELETES(THEIRS) CREATES(OURS)),
                HAS("Z1", OURS));
    assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), 0);
    assert_string_equal(n.r.zones[0].change.id, "C123ABC");
    assert_int_equal(look(&n, &why), OCF_HERE);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), 0);
    assert_int_equal(f->n_requests, 4); /* nothing is left to write */
}

/* The record changed between the read and the write: the next batch names what it has become. */
static void
record_write_that_comes_too_late_decides_again(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS, HAS("Z1", THEIRS), TOO_LATE("Z1"), HAS("Z1", A("10", "10.0.3.10")),
                TAKES("Z1", DELETES(A("10", "10.0.3.10")) CREATES(OURS)));
    assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), -ERR_UNCERTAIN);
    assert_int_equal(why.code, -ERR_UNCERTAIN);
    assert_string_equal(n.r.zones[0].change.id, "");
    assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), 0);
}

static void
record_write_that_always_comes_too_late_is_an_error(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS);
    for (unsigned i = 1; i <= 6; i++) {
        FAKE_SCRIPT(f, HAS("Z1", THEIRS), TOO_LATE("Z1"));
        assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
        assert_int_equal(record_write(&n.ctx, &n.r, &why), i < 6 ? -ERR_UNCERTAIN : -ERR_CONFLICT);
        assert_string_equal(why.aws_code, "InvalidChangeBatch");
    }
}

/* It was done, and only the answer did not come: there is nothing to do twice. */
static void
record_write_with_a_lost_answer_is_looked_for(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS, HAS("Z1", ""), {.method = "POST", .error = ERR_NETWORK, .sent = true},
                HAS("Z1", OURS));
    assert_int_equal(look(&n, &why), OCF_ABSENT);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), -ERR_UNCERTAIN);
    assert_int_equal(look(&n, &why), OCF_HERE);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), 0);
    assert_int_equal(fake_count(f, WRITES("Z1")), 1);
}

static void
record_write_to_a_zone_that_is_gone_is_read_again(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS, HAS("Z1", THEIRS), REFUSES("Z1", 404, "NoSuchHostedZone"));
    assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), -ERR_UNCERTAIN);
}

/* One zone that refuses does not keep the other back, and is the one that is told of. */
static void
record_write_to_both_zones(void **state)
{
    static const struct {
        struct fake_rule first;
        struct fake_rule second;
        int rc;
        const char *zone;
    } cases[] = {
        {TAKES("Z1", DELETES(THEIRS) CREATES(OURS)), TAKES("Z2", CREATES(OURS)), 0, NULL},
        {REFUSES("Z1", 403, "AccessDenied"), TAKES("Z2", CREATES(OURS)), -ERR_DENIED, "Z1: "},
        {TAKES("Z1", ""), REFUSES("Z2", 403, "AccessDenied"), -ERR_DENIED, "Z2: "},
        {TOO_LATE("Z1"), REFUSES("Z2", 403, "AccessDenied"), -ERR_DENIED, "Z2: "},
        {REFUSES("Z1", 403, "AccessDenied"), TOO_LATE("Z2"), -ERR_DENIED, "Z1: "},
        {TOO_LATE("Z1"), TAKES("Z2", CREATES(OURS)), -ERR_UNCERTAIN, "Z1: "},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, FINDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_rule first = cases[i].first;
        struct err why;
        NAMED n;

        name_init(f, &n);
        n.p.visibility = HOSTEDZONE_BOTH;
        first.body = i == 0 ? first.body : NULL;
        FAKE_SCRIPT(f, HAS("Z1", THEIRS), HAS("Z2", ""));
        fake_script(f, &first, 1);
        fake_script(f, &cases[i].second, 1);
        assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
        why = (struct err){0};
        assert_int_equal(record_write(&n.ctx, &n.r, &why), cases[i].rc);
        assert_int_equal(why.code, cases[i].rc);
        assert_true(cases[i].zone == NULL || strstr(why.text, cases[i].zone) == why.text);
    }
}

/* A plan that was made before is not acted upon after a read that failed. */
static void
record_write_after_a_failed_read_writes_nothing(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS, HAS("Z1", THEIRS),
                {.url = READS("Z1"), .status = 403, .answer = ERROR("AccessDenied", "no")});
    assert_int_equal(look(&n, &why), OCF_ELSEWHERE);
    assert_int_equal(record_read(&n.ctx, &n.p, &n.r, &why), -ERR_DENIED);
    assert_int_equal(record_write(&n.ctx, &n.r, &why), 0);
    assert_int_equal(fake_count(f, WRITES("Z1")), 0);
}

/* --- deleting -------------------------------------------------------------------------------- */

static void
record_delete_what_is_ours_and_nothing_else(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule has;
        const char *batch; /* NULL: no call */
    } cases[] = {
        {"ours", HAS("Z1", OURS), HEAD DELETES(OURS) TAIL},
        {"with another TTL", HAS("Z1", A("60", "10.0.1.10")),
         HEAD DELETES(A("60", "10.0.1.10")) TAIL},
        {"with an AAAA of whoever", HAS("Z1", OURS AAAA("10", "2001:db8::9")),
         HEAD DELETES(OURS) TAIL},
        {"theirs", HAS("Z1", THEIRS), NULL},
        {"nothing", HAS("Z1", ""), NULL},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, FINDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        NAMED n;

        print_message("  %s\n", cases[i].name);
        name_init(f, &n);
        fake_script(f, &cases[i].has, 1);
        if (cases[i].batch != NULL) {
            FAKE_SCRIPT(f, {.method = "POST",
                            .url = WRITES("Z1"),
                            .status = 200,
                            .answer = CHANGED("PENDING")});
        }
        assert_int_equal(record_delete(&n.ctx, &n.p, &n.r, &e), 0);
        assert_true(cases[i].batch == NULL ||
                    strcmp(f->requests[f->n_requests - 1].body, cases[i].batch) == 0);
    }
}

static void
record_delete_of_what_is_anothers_by_now(void **state)
{
    static const struct {
        struct fake_rule answer;
        int rc;
    } cases[] = {{TOO_LATE("Z1"), 0}, {REFUSES("Z1", 403, "AccessDenied"), -ERR_DENIED}};
    struct fake *f = *state;

    FAKE_SCRIPT(f, FINDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        NAMED n;

        name_init(f, &n);
        FAKE_SCRIPT(f, HAS("Z1", OURS));
        fake_script(f, &cases[i].answer, 1);
        assert_int_equal(record_delete(&n.ctx, &n.p, &n.r, &e), cases[i].rc);
    }
}

/* --- waiting --------------------------------------------------------------------------------- */

/* A name whose change was just accepted, PENDING. */
static void
name_written(struct fake *f, struct name *n)
{
    struct err why;

    name_init(f, n);
    hostedzone_forget(&n->ctx, &(struct hostedzone_query){.name = ZONE});
    FAKE_SCRIPT(f, FINDS, HAS("Z1", ""), TAKES("Z1", CREATES(OURS)));
    assert_int_equal(look(n, &why), OCF_ABSENT);
    assert_int_equal(record_write(&n->ctx, &n->r, &why), 0);
}

static void
record_look_at_changes_without_one_is_here(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_init(f, &n);
    FAKE_SCRIPT(f, FINDS, HAS("Z1", OURS));
    assert_int_equal(look(&n, &why), OCF_HERE);
    assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_HERE);
}

/* The pauses are 2, 4, 8, 10 and 10 seconds, however often somebody looks. */
static void
record_look_at_changes_asks_less_and_less_often(void **state)
{
    static const uint64_t asked_at_s[] = {2, 6, 14, 24, 34};
    struct fake *f = *state;
    struct err why;
    uint64_t begun_ms = 0;
    size_t n_asked = 0;
    NAMED n;

    name_written(f, &n);
    begun_ms = f->mono_ms;
    FAKE_SCRIPT(f, IS("PENDING"), IS("PENDING"), IS("PENDING"), IS("PENDING"), IS("INSYNC"));
    while (f->mono_ms - begun_ms < 34000) {
        assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_SETTLING);
        assert_string_equal(why.text, "change C123ABC of Z1 is PENDING");
        f->mono_ms += 500;
        give_time(f, &n);
    }
    assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_HERE);
    for (size_t i = 0; i < f->n_requests; i++) {
        if (strstr(f->requests[i].url, ASKS) != NULL) {
            assert_true(n_asked < ARRAY_LEN(asked_at_s));
            assert_int_equal(f->requests[i].at_ms - begun_ms, asked_at_s[n_asked] * MS_PER_S);
            n_asked++;
        }
    }
    assert_int_equal(n_asked, ARRAY_LEN(asked_at_s));
}

/* The write was accepted: that its way cannot be followed is no failure of the start. */
static void
record_look_at_changes_that_may_not_be_asked_for_is_here(void **state)
{
    static const struct {
        long status;
        const char *answer;
    } cases[] = {{403, ERROR("AccessDenied", "no")}, {404, ERROR("NoSuchChange", "none")}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake *f = *state;
        struct fakenode_stderr caught;
        enum ocf_verdict v = OCF_UNKNOWN;
        char told[512];
        struct err why;
        NAMED n;

        name_written(f, &n);
        FAKE_SCRIPT(f, {.url = ASKS, .status = cases[i].status, .answer = cases[i].answer});
        assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_SETTLING);
        f->mono_ms += 2000;
        fakenode_stderr_begin(&caught);
        v = record_look_at_changes(&n.ctx, &n.p, &n.r, &why);
        fakenode_stderr_end(&caught, told, sizeof(told));
        assert_int_equal(v, OCF_HERE);
        assert_non_null(strstr(told, "WARNING: written, but not known to be INSYNC: "));
    }
}

static void
record_look_at_changes_while_aws_is_silent_goes_on(void **state)
{
    struct fake *f = *state;
    struct err why;
    NAMED n;

    name_written(f, &n);
    FAKE_SCRIPT(f, {.url = ASKS, .times = FAKE_ALWAYS, .error = ERR_CONNECT});
    assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_SETTLING);
    f->mono_ms += 2000;
    assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_SETTLING);
    assert_int_equal(why.code, -ERR_CONNECT);
    f->rules[f->n_rules - 1] = (struct fake_rule)IS("INSYNC");
    f->used[f->n_rules - 1] = 0;
    f->mono_ms += 10000;
    give_time(f, &n);
    assert_int_equal(record_look_at_changes(&n.ctx, &n.p, &n.r, &why), OCF_HERE);
}

/* --- deeper looks ---------------------------------------------------------------------------- */

#define ZONE_IS(name, private_, vpc)                                                               \
    {                                                                                              \
        .url = "/2013-04-01/hostedzone/Z1", .status = 200,                                         \
        .answer = "<GetHostedZoneResponse>" ZONE_OF(                                               \
            "Z1", name, private_) "<VPCs><VPC><VPCId>" vpc                                         \
                                  "</VPCId></VPC></VPCs></GetHostedZoneResponse>"                  \
    }

static void
record_check_zones_tells_what_keeps_clients_away(void **state)
{
    static const struct {
        struct fake_rule answer;
        enum ocf_verdict verdict;
        const char *why;
    } cases[] = {
        {ZONE_IS(ZONE, "true", FAKE_VPC), OCF_HERE, ""},
        {ZONE_IS(ZONE, "false", ""), OCF_HERE, ""},
        {ZONE_IS(ZONE, "true", "vpc-0fedcba9876543210"), OCF_DEGRADED, "is not associated with"},
        {ZONE_IS("other.example.", "true", FAKE_VPC), OCF_DEGRADED, "lies outside zone Z1"},
        {{.url = "Z1", .status = 404, .answer = ERROR("NoSuchHostedZone", "none")},
         OCF_DEGRADED,
         "NoSuchHostedZone"},
        {{.url = "Z1", .status = 403, .answer = ERROR("AccessDenied", "no")},
         OCF_UNKNOWN,
         "AccessDenied"},
    };
    struct fake *f = *state;

    FAKE_SCRIPT(f, IMDS_GIVES_TOKEN, IMDS_GIVES_IDS, FINDS);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err why;
        NAMED n;

        name_init(f, &n);
        FAKE_SCRIPT(f, HAS("Z1", OURS));
        assert_int_equal(look(&n, &why), OCF_HERE);
        fake_script(f, &cases[i].answer, 1);
        assert_int_equal(record_check_zones(&n.ctx, &n.p, &n.r, &why), cases[i].verdict);
        assert_non_null(strstr(why.text, cases[i].why));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_check_names_what_is_wrong),
        FAKE_TEST(record_read_compares_the_values),
        FAKE_TEST(record_read_over_several_pages),
        FAKE_TEST(record_read_values_of_the_node),
        FAKE_TEST(record_read_forgets_a_zone_that_is_gone),
        FAKE_TEST(record_read_zone_that_is_not_there),
        FAKE_TEST(record_write_replaces_exactly_what_was_read),
        FAKE_TEST(record_write_that_comes_too_late_decides_again),
        FAKE_TEST(record_write_that_always_comes_too_late_is_an_error),
        FAKE_TEST(record_write_with_a_lost_answer_is_looked_for),
        FAKE_TEST(record_write_to_a_zone_that_is_gone_is_read_again),
        FAKE_TEST(record_write_to_both_zones),
        FAKE_TEST(record_write_after_a_failed_read_writes_nothing),
        FAKE_TEST(record_delete_what_is_ours_and_nothing_else),
        FAKE_TEST(record_delete_of_what_is_anothers_by_now),
        FAKE_TEST(record_look_at_changes_without_one_is_here),
        FAKE_TEST(record_look_at_changes_asks_less_and_less_often),
        FAKE_TEST(record_look_at_changes_that_may_not_be_asked_for_is_here),
        FAKE_TEST(record_look_at_changes_while_aws_is_silent_goes_on),
        FAKE_TEST(record_check_zones_tells_what_keeps_clients_away),
    };

    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
