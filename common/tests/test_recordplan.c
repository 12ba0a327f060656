/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

#include "recordplan.h"

#define NAME "db.corp.example."
#define ZONE "Z1"
#define TTL  10

/* A set as it is written down in a test. */
struct given {
    const char *type;
    const char *identifier;
    const char *values[3];
    uint64_t ttl_s; /* 0: TTL */
    bool no_values; /* an alias */
};

struct zone {
    struct route53_set items[8];
    struct addr values[8][3];
    struct route53_sets sets;
};

static struct addr
address(const char *text)
{
    struct addr a = {0};

    (void)!addr_parse(text, &a);
    return a;
}

static void
fill(struct zone *z, const struct given *given, size_t n)
{
    *z = (struct zone){.sets = {.items = z->items, .n = n}};
    for (size_t i = 0; i < n; i++) {
        struct route53_set *set = &z->items[i];

        (void)snprintf(set->type, sizeof(set->type), "%s", given[i].type);
        set->set_identifier = (char *)(uintptr_t)given[i].identifier;
        set->has_values = !given[i].no_values;
        set->ttl_s = given[i].ttl_s == 0 ? TTL : given[i].ttl_s;
        set->values = z->values[i];
        while (set->n_values < 3 && given[i].values[set->n_values] != NULL) {
            z->values[i][set->n_values] = address(given[i].values[set->n_values]);
            set->n_values++;
        }
    }
}

/* "10.0.2.10 2001:db8::10" by family. */
static struct record_values
wanted(const char *v4, const char *v6)
{
    struct record_values values = {.found = false};

    if (v4 != NULL) {
        values.of[0].items[values.of[0].n++] = address(v4);
    }
    if (v6 != NULL) {
        values.of[1].items[values.of[1].n++] = address(v6);
    }
    return values;
}

static int
make(const struct zone *z, const char *identifier, const struct record_values *values,
     struct recordplan *ret, struct err *e)
{
    struct recordplan_input in = {.name = NAME,
                                  .zone_id = ZONE,
                                  .sets = &z->sets,
                                  .set_identifier = identifier,
                                  .values = values,
                                  .ttl_s = TTL};

    return recordplan_make(&in, ret, e);
}

#define FILL(z, ...)                                                                               \
    fill((z), (const struct given[]){__VA_ARGS__}, ARRAY_LEN(((const struct given[]){__VA_ARGS__})))

static void
recordplan_make_right_nothing_to_do(void **state)
{
    struct record_values values = wanted("10.0.2.10", "2001:db8::10");
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .values = {"10.0.2.10"}}, {.type = "AAAA", .values = {"2001:db8:0::10"}},
         {.type = "TXT", .values = {"x"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_right, 2);
    assert_int_equal(p.n_changes, 0);
    assert_string_equal(p.text, "");
    assert_ptr_equal(p.ours[0], &z.items[0]);
    assert_ptr_equal(p.ours[1], &z.items[1]);
    assert_int_equal(recordplan_verdict(&p, 1), OCF_HERE);
}

static void
recordplan_make_other_value_replaced(void **state)
{
    struct record_values values = wanted("10.0.2.10", NULL);
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .values = {"10.0.2.1"}, .ttl_s = 60});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_others, 1);
    assert_int_equal(p.n_changes, 1);
    assert_ptr_equal(p.changes[0].old, &z.items[0]);
    assert_string_equal(p.changes[0].type, "A");
    assert_ptr_equal(p.changes[0].values, values.of[0].items);
    assert_int_equal(p.changes[0].n_values, 1);
    assert_int_equal(p.changes[0].ttl_s, TTL);
    assert_string_equal(p.text, "A of " NAME " in " ZONE " is 10.0.2.1");
    assert_null(p.ours[0]);
    assert_int_equal(recordplan_verdict(&p, 1), OCF_ELSEWHERE);
}

static void
recordplan_make_missing_created(void **state)
{
    struct record_values values = wanted("10.0.2.10", "2001:db8::10");
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "TXT", .values = {"x"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_missing, 2);
    assert_int_equal(p.n_changes, 2);
    assert_null(p.changes[0].old);
    assert_string_equal(p.changes[1].type, "AAAA");
    assert_string_equal(p.text, "A of " NAME " in " ZONE " does not exist");
    assert_int_equal(recordplan_verdict(&p, 1), OCF_ABSENT);
}

/* Values are a set: order does not count, and one more is another value. */
static void
recordplan_make_values_compared_as_a_set(void **state)
{
    struct record_values values = wanted("10.0.2.10", NULL);
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    values.of[0].items[values.of[0].n++] = address("10.0.4.10");
    FILL(&z, {.type = "A", .values = {"10.0.4.10", "10.0.2.10"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_right, 1);
    FILL(&z, {.type = "A", .values = {"10.0.4.10", "10.0.2.10", "10.0.2.11"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_others, 1);
    FILL(&z, {.type = "A", .values = {"10.0.4.10"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_others, 1);
    FILL(&z, {.type = "A", .values = {"10.0.4.10", "not an address"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_others, 1);
}

static void
recordplan_make_other_ttl_is_drift(void **state)
{
    struct record_values values = wanted("10.0.2.10", NULL);
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .values = {"10.0.2.10"}, .ttl_s = 300});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_drifted, 1);
    assert_int_equal(p.n_changes, 1);
    assert_ptr_equal(p.ours[0], &z.items[0]);
    assert_string_equal(p.text, "A of " NAME " in " ZONE " has TTL 300s and not 10s");
    assert_int_equal(recordplan_verdict(&p, 1), OCF_DEGRADED);
}

static void
recordplan_make_member_keeps_its_ttl(void **state)
{
    struct record_values values = wanted("10.0.2.10", NULL);
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .identifier = "n1", .values = {"10.0.2.1"}, .ttl_s = 300},
         {.type = "A", .identifier = "n2", .values = {"10.0.2.10"}, .ttl_s = 300});
    assert_int_equal(make(&z, "n1", &values, &p, &e), 0);
    assert_int_equal(p.n_others, 1);
    assert_ptr_equal(p.changes[0].old, &z.items[0]);
    assert_int_equal(p.changes[0].ttl_s, 300);
    assert_int_equal(make(&z, "n2", &values, &p, &e), 0);
    assert_int_equal(p.n_right, 1);
}

static void
recordplan_make_kinds_that_cannot_be_moved(void **state)
{
    static const struct {
        struct given set;
        const char *identifier;
        const char *said;
    } cases[] = {
        {{.type = "A", .no_values = true}, NULL, "A of " NAME " in Z1 is an alias"},
        {{.type = "A", .identifier = "n1", .no_values = true}, "n1", "is an alias"},
        {{.type = "CNAME", .values = {"x"}}, NULL, "is a CNAME"},
        {{.type = "CNAME", .identifier = "n1", .values = {"x"}}, "n1", "is a CNAME"},
        {{.type = "A", .identifier = "n9", .values = {"10.0.2.1"}}, NULL, "say which by set_"},
        {{.type = "A", .values = {"10.0.2.1"}}, "n1", "set_identifier=\"n1\": A of " NAME},
        {{.type = "A", .identifier = "n9", .values = {"10.0.2.1"}}, "n1", "has no such member"},
        {{.type = "TXT", .values = {"x"}}, "n1", "has no such member"},
    };
    struct record_values values = wanted("10.0.2.10", NULL);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recordplan p = {.n_right = 42};
        struct err e = {0};
        struct zone z;

        fill(&z, &cases[i].set, 1);
        assert_int_equal(make(&z, cases[i].identifier, &values, &p, &e), -ERR_PARAM);
        print_message("%s\n", e.text);
        assert_non_null(strstr(e.text, cases[i].said));
        assert_int_equal(p.n_right, 42);
    }
}

/* An alias among the other members of a set is theirs. */
static void
recordplan_make_alias_of_another_member_is_fine(void **state)
{
    struct record_values values = wanted("10.0.2.10", NULL);
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .identifier = "n2", .no_values = true},
         {.type = "A", .identifier = "n1", .values = {"10.0.2.10"}});
    assert_int_equal(make(&z, "n1", &values, &p, &e), 0);
    assert_int_equal(p.n_right, 1);
}

/* A family that the user asked for must be there; one that the node merely has need not. */
static void
recordplan_make_member_of_one_family(void **state)
{
    struct record_values values = wanted("10.0.2.10", "2001:db8::10");
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .identifier = "n1", .values = {"10.0.2.1"}});
    assert_int_equal(make(&z, "n1", &values, &p, &e), -ERR_PARAM);
    assert_non_null(strstr(e.text, "AAAA of " NAME));
    values.found = true;
    assert_int_equal(make(&z, "n1", &values, &p, &e), 0);
    assert_int_equal(p.n_changes, 1);
    assert_int_equal(p.n_missing, 0);
    assert_int_equal(make(&z, "n2", &values, &p, &e), -ERR_PARAM);
}

/* A family without a value is never written, whatever there is; what is left there is told. */
static void
recordplan_make_other_family_left_alone(void **state)
{
    struct record_values values = wanted("10.0.2.10", NULL);
    struct recordplan p = {0};
    struct err e = {0};
    struct zone z;

    (void)state;
    FILL(&z, {.type = "A", .values = {"10.0.2.10"}}, {.type = "AAAA", .values = {"2001:db8::20"}});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_int_equal(p.n_right, 1);
    assert_int_equal(p.n_changes, 0);
    assert_ptr_equal(p.leftover, &z.items[1]);
    FILL(&z, {.type = "A", .values = {"10.0.2.10"}}, {.type = "AAAA", .no_values = true});
    assert_int_equal(make(&z, NULL, &values, &p, &e), 0);
    assert_null(p.leftover);
}

static void
recordplan_verdict_of_several_zones(void **state)
{
    static const struct {
        struct recordplan plans[2];
        enum ocf_verdict verdict;
    } cases[] = {
        {{{.n_right = 1}, {.n_right = 2}}, OCF_HERE},
        {{{.n_right = 1}, {.n_others = 1}}, OCF_DEGRADED},
        {{{.n_right = 1, .n_missing = 1}, {.n_right = 1}}, OCF_DEGRADED},
        {{{.n_drifted = 1}, {.n_others = 1}}, OCF_DEGRADED},
        {{{.n_others = 1}, {.n_others = 1}}, OCF_ELSEWHERE},
        {{{.n_others = 1}, {.n_missing = 1}}, OCF_ELSEWHERE},
        {{{.n_missing = 1}, {.n_missing = 2}}, OCF_ABSENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        assert_int_equal(recordplan_verdict(cases[i].plans, 2), cases[i].verdict);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recordplan_make_right_nothing_to_do),
        cmocka_unit_test(recordplan_make_other_value_replaced),
        cmocka_unit_test(recordplan_make_missing_created),
        cmocka_unit_test(recordplan_make_values_compared_as_a_set),
        cmocka_unit_test(recordplan_make_other_ttl_is_drift),
        cmocka_unit_test(recordplan_make_member_keeps_its_ttl),
        cmocka_unit_test(recordplan_make_kinds_that_cannot_be_moved),
        cmocka_unit_test(recordplan_make_alias_of_another_member_is_fine),
        cmocka_unit_test(recordplan_make_member_of_one_family),
        cmocka_unit_test(recordplan_make_other_family_left_alone),
        cmocka_unit_test(recordplan_verdict_of_several_zones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
