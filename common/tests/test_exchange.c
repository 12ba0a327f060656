/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "exchange.h"

#include <sys/random.h>

#define ITEMS_MAX 8

/* Instead of libc's: pauses are of random length, unless a test needs them to be the longest. */
static bool longest_pauses;

ssize_t
getrandom(void *buffer, size_t size, unsigned flags)
{
    if (!longest_pauses) {
        return syscall(SYS_getrandom, buffer, size, flags);
    }
    memset(buffer, 0xff, size);
    return (ssize_t)size;
}

/* A caller of exchange_all(): item i asks for /i, and the status says what came of it. */
struct caller {
    char urls[ITEMS_MAX][32];
    enum err_code refuse_prepare[ITEMS_MAX]; /* per item: prepare() fails */
    unsigned n_prepared[ITEMS_MAX];
    unsigned n_refreshed;
    int refresh_error; /* as returned; 0: it works */
    struct deadline deadlines[ITEMS_MAX];
    struct http_exchange x[ITEMS_MAX];
    struct err errs[ITEMS_MAX];
};

static int
prepare(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    struct caller *c = arg;

    c->n_prepared[i]++;
    if (c->refuse_prepare[i] != ERR_NONE) {
        return err_set(e, c->refuse_prepare[i], "cannot be prepared");
    }
    (void)snprintf(c->urls[i], sizeof(c->urls[i]), "http://fake/%zu", i);
    x->request = (struct http_request){
        .method = "GET", .url = c->urls[i], .max_answer = 100, .attempt_ms = 1000};
    return 0;
}

static int
judge(void *arg, size_t i, struct http_exchange *x, struct err *e)
{
    (void)arg;
    if (x->error.code < 0) {
        *e = x->error;
        return e->code;
    }
    switch (x->answer.status) {
    case 200:
        return 0;
    case 401:
        return err_set(e, ERR_CREDENTIALS, "item %zu: keys", i);
    case 403:
        return err_set(e, ERR_DENIED, "item %zu: denied", i);
    case 409:
        return err_set(e, ERR_UNCERTAIN, "item %zu: lost", i);
    case 429:
        return err_set(e, ERR_THROTTLED, "item %zu: throttled", i);
    default:
        return err_set(e, ERR_SERVICE, "item %zu: fault", i);
    }
}

static int
refresh(void *arg, size_t i, int code, struct deadline d, struct err *e)
{
    struct caller *c = arg;

    (void)i;
    (void)d;
    assert_int_equal(code, -ERR_CREDENTIALS);
    assert_int_equal(e->code, -ERR_CREDENTIALS);
    c->n_refreshed++;
    return c->refresh_error;
}

static const struct exchange_ops ops = {.prepare = prepare, .judge = judge, .refresh = refresh};

static struct deadline
deadline_of(void *arg, size_t i)
{
    struct caller *c = arg;

    return c->deadlines[i];
}

static int
run(struct fake *f, struct caller *c, size_t n, uint64_t ms)
{
    int rc = exchange_all(&f->transport, &ops, c, c->x, c->errs, n, fake_deadline(f, ms));

    for (size_t i = 0; i < n; i++) {
        http_exchange_done(&c->x[i]);
    }
    return rc;
}

static void
exchange_throttled_then_fine_succeeds_after_sleeps(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.status = 429, .times = 3}, {.status = 200});
    assert_int_equal(run(f, &c, 1, 30000), 0);
    assert_int_equal(c.errs[0].code, 0);
    assert_int_equal(f->n_requests, 4);
    assert_int_equal(c.n_prepared[0], 4);
    assert_true(f->n_sleeps <= 3);
    /* Full jitter under 500, 1000 and 2000 ms. */
    assert_true(f->slept_ms < 3500);
}

static void
exchange_throttled_forever_ends_before_deadline(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};
    uint64_t begun_ms = f->mono_ms;

    FAKE_SCRIPT(f, {.status = 429, .times = FAKE_ALWAYS, .takes_ms = 10});
    assert_int_equal(run(f, &c, 1, 20000), -ERR_THROTTLED);
    assert_string_equal(c.errs[0].text, "item 0: throttled");
    /* The last attempt may begin just before: this transport does not cut its 10 ms short. */
    assert_true(f->mono_ms < begun_ms + 20000 + 10);
    assert_true(f->n_requests >= 5);
    assert_true(f->n_requests < 60); /* no storm */
}

static void
exchange_silent_service_gets_capped_attempts_until_deadline(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};
    uint64_t begun_ms = f->mono_ms;

    FAKE_SCRIPT(f, {.takes_ms = UINT64_MAX, .times = FAKE_ALWAYS});
    assert_int_equal(run(f, &c, 1, 2500), -ERR_TIMEOUT);
    assert_true(f->mono_ms <= begun_ms + 2500);
    assert_true(f->n_requests >= 2);
    assert_true(f->requests[1].at_ms - f->requests[0].at_ms >= 1000);
}

static void
exchange_deadline_over_before_first_attempt_sends_nothing(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    assert_int_equal(run(f, &c, 2, 0), -ERR_DEADLINE);
    assert_int_equal(f->n_requests, 0);
    assert_int_equal(c.errs[0].code, -ERR_DEADLINE);
    assert_int_equal(c.errs[1].code, -ERR_DEADLINE);
    assert_true(c.errs[1].text[0] != '\0');
}

static void
exchange_refused_credentials_refreshed_once_at_once(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.status = 401}, {.status = 200});
    assert_int_equal(run(f, &c, 1, 30000), 0);
    assert_int_equal(c.n_refreshed, 1);
    assert_int_equal(f->n_sleeps, 0);
    assert_int_equal(c.errs[0].code, 0);
}

static void
exchange_credentials_refused_again_fails_with_one_refresh(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.status = 401, .times = 2});
    assert_int_equal(run(f, &c, 1, 30000), -ERR_CREDENTIALS);
    assert_int_equal(c.n_refreshed, 1);
    assert_int_equal(f->n_requests, 2);
}

static void
exchange_refresh_fails_ends_item_with_refusal(void **state)
{
    struct fake *f = *state;
    struct caller c = {.refresh_error = -ERR_NO_CREDENTIALS};

    FAKE_SCRIPT(f, {.status = 401});
    assert_int_equal(run(f, &c, 1, 30000), -ERR_CREDENTIALS);
    assert_int_equal(c.n_refreshed, 1);
    assert_int_equal(f->n_requests, 1);
    assert_string_equal(c.errs[0].text, "item 0: keys");
}

static void
exchange_final_errors_not_repeated(void **state)
{
    static const struct {
        const char *name;
        struct fake_rule rule;
        int code;
    } cases[] = {
        {"uncertain write", {.status = 409}, -ERR_UNCERTAIN},
        {"denied", {.status = 403}, -ERR_DENIED},
        {"certificate", {.error = ERR_TLS}, -ERR_TLS},
        {"too big", {.error = ERR_TOO_BIG}, -ERR_TOO_BIG},
        {"bad URL", {.error = ERR_PARAM}, -ERR_PARAM},
        {"no memory", {.error = ERR_NOMEM}, -ERR_NOMEM},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct caller c = {.n_refreshed = 0};
        size_t before = f->n_requests;

        print_message("  %s\n", cases[i].name);
        fake_script(f, &cases[i].rule, 1);
        assert_int_equal(run(f, &c, 1, 30000), cases[i].code);
        assert_int_equal(c.errs[0].code, cases[i].code);
        assert_int_equal(f->n_requests, before + 1);
    }
}

static void
exchange_transient_errors_repeated(void **state)
{
    static const enum err_code codes[] = {ERR_RESOLVE, ERR_CONNECT, ERR_TIMEOUT, ERR_NETWORK,
                                          ERR_SERVICE};
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct caller c = {.n_refreshed = 0};
        size_t before = f->n_requests;

        FAKE_SCRIPT(f, {.error = codes[i]}, {.status = 200});
        assert_int_equal(run(f, &c, 1, 30000), 0);
        assert_int_equal(f->n_requests, before + 2);
    }
}

static void
exchange_many_items_different_fates_each_its_own(void **state)
{
    struct fake *f = *state;
    struct caller c = {.refuse_prepare = {[5] = ERR_PARAM}};

    FAKE_SCRIPT(f, {.url = "/0", .status = 200}, {.url = "/1", .status = 403},
                {.url = "/2", .status = 500, .times = 2}, {.url = "/2", .status = 200},
                {.url = "/3", .status = 401}, {.url = "/3", .status = 200},
                {.url = "/4", .status = 409}, {.url = "/6", .error = ERR_CONNECT},
                {.url = "/6", .status = 403});
    assert_int_equal(run(f, &c, 7, 30000), -ERR_DENIED); /* of the first that failed */
    assert_int_equal(c.errs[0].code, 0);
    assert_int_equal(c.errs[1].code, -ERR_DENIED);
    assert_int_equal(c.errs[2].code, 0);
    assert_int_equal(c.errs[3].code, 0);
    assert_int_equal(c.errs[4].code, -ERR_UNCERTAIN);
    assert_int_equal(c.errs[5].code, -ERR_PARAM);
    assert_int_equal(c.errs[6].code, -ERR_DENIED);
    assert_string_equal(c.errs[6].text, "item 6: denied");
    /* All that can go at once goes at once. */
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(f->requests[i].wave, 1);
    }
    assert_int_equal(f->requests[6].wave, 2);
    assert_string_equal(f->requests[6].url, "http://fake/3"); /* no sleep after a refresh */
    assert_int_equal(c.n_prepared[1], 1);
}

static void
exchange_cancelled_in_sleep_tells_which_were_open(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    f->cancel_sleep = 1;
    FAKE_SCRIPT(f, {.url = "/0", .status = 200}, {.url = "/1", .status = 403},
                {.url = "/2", .status = 500, .times = FAKE_ALWAYS});
    assert_int_equal(run(f, &c, 3, 30000), -ERR_CANCELLED);
    assert_int_equal(c.errs[0].code, 0);
    assert_int_equal(c.errs[1].code, -ERR_DENIED);
    assert_int_equal(c.errs[2].code, -ERR_CANCELLED);
    assert_non_null(strstr(c.errs[2].text, "item 2: fault")); /* what it was about stays */
}

static void
exchange_transport_cancelled_all_open_are_cancelled(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.given_up = -ERR_CANCELLED});
    assert_int_equal(run(f, &c, 2, 30000), -ERR_CANCELLED);
    assert_int_equal(c.errs[0].code, -ERR_CANCELLED);
    assert_int_equal(c.errs[1].code, -ERR_CANCELLED);
    assert_int_equal(f->n_requests, 1);
}

static void
exchange_transport_out_of_memory_fails_all(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.given_up = -ERR_NOMEM});
    assert_int_equal(run(f, &c, 2, 30000), -ERR_NOMEM);
    assert_int_equal(c.errs[0].code, -ERR_NOMEM);
    assert_int_equal(c.errs[1].code, -ERR_NOMEM);
}

/* --- items with a deadline of their own ----------------------------------------------------- */

static int
run_patiently(struct fake *f, struct caller *c, const uint64_t *ms, size_t n)
{
    struct exchange_ops patient = ops;

    patient.deadline = deadline_of;
    for (size_t i = 0; i < n; i++) {
        c->deadlines[i] = fake_deadline(f, ms[i]);
    }
    (void)!exchange_all(&f->transport, &patient, c, c->x, c->errs, n, fake_deadline(f, 30000));
    for (size_t i = 0; i < n; i++) {
        http_exchange_done(&c->x[i]);
    }
    return c->errs[0].code;
}

static void
exchange_silent_item_given_up_at_its_own_deadline(void **state)
{
    static const uint64_t ms[] = {400, 30000};
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};
    uint64_t begun_ms = f->mono_ms;

    FAKE_SCRIPT(f, {.url = "/0", .takes_ms = UINT64_MAX},
                {.url = "/1", .status = 200, .takes_ms = 10});
    assert_int_equal(run_patiently(f, &c, ms, 2), -ERR_TIMEOUT);
    assert_int_equal(c.errs[1].code, 0);
    assert_int_equal(f->requests[0].attempt_ms, 400); /* of the 1000 that it would take */
    assert_int_equal(f->requests[1].attempt_ms, 1000);
    assert_int_equal(f->mono_ms - begun_ms, 400);
    assert_int_equal(f->n_requests, 2);
}

/* Attempts and pauses count together; what the last attempt came to is told. */
static void
exchange_throttled_item_ends_at_its_own_deadline_with_its_error(void **state)
{
    static const uint64_t ms[] = {3000};
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};
    uint64_t begun_ms = f->mono_ms;

    FAKE_SCRIPT(f, {.status = 429, .takes_ms = 100, .times = FAKE_ALWAYS});
    assert_int_equal(run_patiently(f, &c, ms, 1), -ERR_THROTTLED);
    assert_string_equal(c.errs[0].text, "item 0: throttled");
    assert_true(f->n_requests > 1);
    assert_true(f->mono_ms - begun_ms <= 3000);
}

/* The last attempt is cut short: what came before says more than that. */
static void
exchange_attempt_cut_by_its_own_deadline_tells_what_was_before(void **state)
{
    static const uint64_t ms[] = {1500};
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.status = 500, .takes_ms = 900}, {.takes_ms = UINT64_MAX});
    assert_int_equal(run_patiently(f, &c, ms, 1), -ERR_SERVICE);
    assert_string_equal(c.errs[0].text, "item 0: fault");
}

/* One that pauses is overtaken by others, whose attempts take longer than it has. */
static void
exchange_item_overtaken_by_others_is_not_asked_again(void **state)
{
    static const uint64_t ms[] = {900, 30000};
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    longest_pauses = true;
    FAKE_SCRIPT(f, {.url = "/0", .status = 500}, {.url = "/1", .status = 401},
                {.url = "/1", .status = 200, .takes_ms = 1000});
    assert_int_equal(run_patiently(f, &c, ms, 2), -ERR_SERVICE);
    longest_pauses = false;
    assert_int_equal(f->n_waves, 2);
    assert_int_equal(c.n_prepared[0], 1);
    assert_int_equal(c.errs[1].code, 0);
}

static void
exchange_item_without_time_is_never_asked(void **state)
{
    static const uint64_t ms[] = {0, 30000};
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    FAKE_SCRIPT(f, {.url = "/1", .status = 200});
    assert_int_equal(run_patiently(f, &c, ms, 2), -ERR_TIMEOUT);
    assert_int_equal(c.n_prepared[0], 0);
    assert_int_equal(c.errs[1].code, 0);
}

static void
exchange_no_items_is_success(void **state)
{
    struct fake *f = *state;
    struct caller c = {.n_refreshed = 0};

    assert_int_equal(run(f, &c, 0, 30000), 0);
    assert_int_equal(f->n_waves, 0);
}

static void
exchange_prepare_fails_for_all_sends_nothing(void **state)
{
    struct fake *f = *state;
    struct caller c = {.refuse_prepare = {ERR_BUG, ERR_PARAM}};

    assert_int_equal(run(f, &c, 2, 30000), -ERR_BUG);
    assert_int_equal(c.errs[1].code, -ERR_PARAM);
    assert_int_equal(f->n_waves, 0);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(exchange_throttled_then_fine_succeeds_after_sleeps),
        FAKE_TEST(exchange_throttled_forever_ends_before_deadline),
        FAKE_TEST(exchange_silent_service_gets_capped_attempts_until_deadline),
        FAKE_TEST(exchange_deadline_over_before_first_attempt_sends_nothing),
        FAKE_TEST(exchange_refused_credentials_refreshed_once_at_once),
        FAKE_TEST(exchange_credentials_refused_again_fails_with_one_refresh),
        FAKE_TEST(exchange_refresh_fails_ends_item_with_refusal),
        FAKE_TEST(exchange_final_errors_not_repeated),
        FAKE_TEST(exchange_transient_errors_repeated),
        FAKE_TEST(exchange_many_items_different_fates_each_its_own),
        FAKE_TEST(exchange_cancelled_in_sleep_tells_which_were_open),
        FAKE_TEST(exchange_transport_cancelled_all_open_are_cancelled),
        FAKE_TEST(exchange_transport_out_of_memory_fails_all),
        FAKE_TEST(exchange_silent_item_given_up_at_its_own_deadline),
        FAKE_TEST(exchange_throttled_item_ends_at_its_own_deadline_with_its_error),
        FAKE_TEST(exchange_attempt_cut_by_its_own_deadline_tells_what_was_before),
        FAKE_TEST(exchange_item_overtaken_by_others_is_not_asked_again),
        FAKE_TEST(exchange_item_without_time_is_never_asked),
        FAKE_TEST(exchange_no_items_is_success),
        FAKE_TEST(exchange_prepare_fails_for_all_sends_nothing),
    };

    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
