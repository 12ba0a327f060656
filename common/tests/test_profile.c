/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake.h"

#include "profile.h"

#include <sys/stat.h>

static struct profile_files
read_text(struct fake *f, const char *text)
{
    struct profile_files files;
    struct err e = {0};

    if (profile_files_read(fake_file(f, "credentials", text), fake_getenv, &files, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return files;
}

static void
assert_value(struct fake *f, const char *text, const char *profile, const char *key,
             const char *value)
{
    OCF_CLEANUP(profile_files_done) struct profile_files files = read_text(f, text);
    OCF_BUF struct buf found = BUF_INIT(1024);

    assert_int_equal(profile_value(&files, profile, key, &found), value != NULL);
    assert_string_equal(buf_str(&found), value == NULL ? "" : value);
}

static void
profile_value_table_of_files(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        const char *profile;
        const char *key;
        const char *value; /* NULL: none */
    } cases[] = {
        {"plain", "[a]\nk=v\n", "a", "k", "v"},
        {"spaces around", "[ a ]\nk  =  v w  \n", "a", "k", "v w"},
        {"tabs around", "[a]\nk\t=\tv\t\n", "a", "k", "v"},
        {"no newline at the end", "[a]\nk=v", "a", "k", "v"},
        {"CRLF", "[a]\r\nk=v\r\nl=w\r\n", "a", "l", "w"},
        {"value with an equals sign", "[a]\nk=v==\n", "a", "k", "v=="},
        {"value with a hash", "[a]\nk=v#w\n", "a", "k", "v#w"},
        {"comments", "# k=1\n; k=2\n[a]\n#k=3\n;k=4\nk=v\n", "a", "k", "v"},
        {"comment behind a head", "[a] # mine\nk=v\n", "a", "k", "v"},
        {"head in a comment", "[a]\n# [b]\nk=v\n", "a", "k", "v"},
        {"profile word", "[profile a]\nk=v\n", "a", "k", "v"},
        {"profile word, more spaces", "[profile   a ]\nk=v\n", "a", "k", "v"},
        {"profile word, tab", "[profile\ta]\nk=v\n", "a", "k", "v"},
        {"profile called profile", "[profile]\nk=v\n", "profile", "k", "v"},
        {"profile word glued on", "[profilea]\nk=v\n", "a", "k", NULL},
        {"other section", "[b]\nk=v\n[a]\nl=w\n", "a", "k", NULL},
        {"longer name", "[ab]\nk=v\n", "a", "k", NULL},
        {"sso-session is no profile", "[sso-session a]\nk=v\n", "a", "k", NULL},
        {"key before any section", "k=v\n[a]\n", "a", "k", NULL},
        {"key of another case", "[a]\nK=v\n", "a", "k", NULL},
        {"longer key", "[a]\nkk=v\n", "a", "k", NULL},
        {"key without value", "[a]\nk=\nl=w\n", "a", "k", NULL},
        {"key without equals sign", "[a]\nk\nl=w\n", "a", "k", NULL},
        {"line of an equals sign", "[a]\n=\n=v\nk=w\n", "a", "k", "w"},
        {"nested section is skipped", "[a]\ns3 =\n  k = nested\nk=v\n", "a", "k", "v"},
        {"nested section only", "[a]\ns3 =\n\tk = nested\n", "a", "k", NULL},
        {"section in two parts", "[a]\nl=w\n[b]\nk=no\n[a]\nk=v\n", "a", "k", "v"},
        {"first of two", "[a]\nk=v\nk=w\n", "a", "k", "v"},
        {"head never closed", "[a\nk=v\n", "a", "k", NULL},
        {"lone bracket", "[\nk=v\n[a]\nk=w\n", "a", "k", "w"},
        {"empty head", "[]\nk=v\n", "", "k", "v"},
        {"empty file", "", "a", "k", NULL},
        {"blank lines", "\n\r\n \n[a]\n\n \nk=v\n", "a", "k", "v"},
    };
    struct fake *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("  %s\n", cases[i].name);
        f->n_paths = 0;
        assert_value(f, cases[i].text, cases[i].profile, cases[i].key, cases[i].value);
        free(f->paths[0]);
        f->n_paths = 0;
    }
}

static void
profile_value_larger_than_buffer_is_false(void **state)
{
    OCF_CLEANUP(profile_files_done)
    struct profile_files files = read_text(*state, "[a]\nk=12345\n");
    OCF_BUF struct buf small = BUF_INIT(4);

    assert_false(profile_value(&files, "a", "k", &small));
    assert_int_equal(small.len, 0);
}

static void
profile_exists_by_head_alone(void **state)
{
    OCF_CLEANUP(profile_files_done)
    struct profile_files files = read_text(*state, "[a]\n[profile b]\nk=v\n");

    assert_true(profile_exists(&files, "a"));
    assert_true(profile_exists(&files, "b"));
    assert_false(profile_exists(&files, "k"));
    assert_false(profile_exists(&files, "profile b "));
}

static void
profile_value_credentials_file_wins_over_config(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(profile_files_done) struct profile_files files = {.config = {0}};
    OCF_BUF struct buf found = BUF_INIT(64);

    fake_env("AWS_SHARED_CREDENTIALS_FILE", fake_file(f, "c", "[a]\nk=credentials\nempty=\n"));
    fake_env("AWS_CONFIG_FILE", fake_file(f, "d", "[profile a]\nk=config\nl=config\nempty=full\n"));
    assert_int_equal(profile_files_read(NULL, fake_getenv, &files, NULL), 0);
    assert_true(profile_value(&files, "a", "k", &found));
    assert_true(profile_value(&files, "a", "l", &found));
    assert_true(profile_value(&files, "a", "empty", &found));
    assert_string_equal(buf_str(&found), "credentialsconfigfull");
    assert_true(files.credentials.secret);
    assert_true(files.config.secret);
}

static void
profile_files_read_standard_places_under_home(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(profile_files_done) struct profile_files files = {.config = {0}};

    assert_int_equal(mkdir(fake_path(f, ".aws"), 0700), 0);
    (void)fake_file(f, ".aws/credentials", "[a]\n");
    (void)fake_file(f, ".aws/config", "[profile b]\n");
    fake_env("HOME", f->dir);
    assert_int_equal(profile_files_read(NULL, fake_getenv, &files, NULL), 0);
    assert_true(profile_exists(&files, "a"));
    assert_true(profile_exists(&files, "b"));
}

static void
profile_files_read_missing_standard_files_are_empty(void **state)
{
    struct fake *f = *state;
    OCF_CLEANUP(profile_files_done) struct profile_files files = {.config = {0}};

    fake_env("HOME", f->dir);
    fake_env("AWS_CONFIG_FILE", "");
    assert_int_equal(profile_files_read(NULL, fake_getenv, &files, NULL), 0);
    assert_int_equal(files.credentials.len + files.config.len, 0);
    assert_false(profile_exists(&files, "default"));
}

static void
profile_files_read_named_file_missing_refused(void **state)
{
    struct fake *f = *state;
    struct profile_files files;
    struct err e = {0};
    const char *path = fake_path(f, "nothing");

    fake_env("HOME", f->dir);
    assert_int_equal(profile_files_read(path, fake_getenv, &files, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, strerror(ENOENT)));
    fake_env("AWS_CONFIG_FILE", path);
    assert_int_equal(profile_files_read(NULL, fake_getenv, &files, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, path));
}

static void
profile_read_file_not_regular_refused_without_waiting(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf b = BUF_INIT(64);
    const char *fifo = fake_path(f, "fifo");
    struct err e = {0};

    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(profile_read_file(fifo, &b, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, "not a regular file"));
    assert_int_equal(profile_read_file(f->dir, &b, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, f->dir));
    assert_int_equal(b.len, 0);
}

/* Who writes it decides whose credentials the cluster uses. */
static void
profile_read_file_writable_by_anybody_refused(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf b = BUF_INIT(64);
    const char *path = fake_file(f, "open", "12345");
    struct err e = {0};

    assert_int_equal(chmod(path, 0602), 0);
    assert_int_equal(profile_read_file(path, &b, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, "chmod 600"));
    assert_int_equal(b.len, 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(profile_read_file(path, &b, &e), 0);
}

static void
profile_read_file_oversized_refused(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf fits = BUF_INIT(5);
    OCF_BUF struct buf small = BUF_INIT(4);
    const char *path = fake_file(f, "five", "12345");
    struct err e = {0};

    assert_int_equal(profile_read_file(path, &fits, &e), 0);
    assert_string_equal(buf_str(&fits), "12345");
    assert_int_equal(profile_read_file(path, &small, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, "too large"));
}

static void
profile_read_file_with_a_nul_refused(void **state)
{
    struct fake *f = *state;
    OCF_BUF struct buf b = BUF_INIT(64);
    const char *path = fake_file(f, "token", "");
    OCF_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct err e = {0};

    assert_int_equal(write(fd, "to\0ken", 6), 6);
    assert_int_equal(profile_read_file(path, &b, &e), -ERR_PROFILE);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, "NUL"));
}

static void
profile_files_read_oversized_file_refused(void **state)
{
    struct fake *f = *state;
    OCF_FREE char *text = malloc(PROFILE_FILE_MAX + 2);
    struct profile_files files;
    struct err e = {0};

    assert_non_null(text);
    memset(text, '#', PROFILE_FILE_MAX + 1);
    text[PROFILE_FILE_MAX + 1] = '\0';
    assert_int_equal(profile_files_read(fake_file(f, "big", text), fake_getenv, &files, &e),
                     -ERR_PROFILE);
    assert_non_null(strstr(e.text, "too large"));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        FAKE_TEST(profile_value_table_of_files),
        FAKE_TEST(profile_value_larger_than_buffer_is_false),
        FAKE_TEST(profile_exists_by_head_alone),
        FAKE_TEST(profile_value_credentials_file_wins_over_config),
        FAKE_TEST(profile_files_read_standard_places_under_home),
        FAKE_TEST(profile_files_read_missing_standard_files_are_empty),
        FAKE_TEST(profile_files_read_named_file_missing_refused),
        FAKE_TEST(profile_read_file_not_regular_refused_without_waiting),
        FAKE_TEST(profile_read_file_writable_by_anybody_refused),
        FAKE_TEST(profile_read_file_oversized_refused),
        FAKE_TEST(profile_read_file_with_a_nul_refused),
        FAKE_TEST(profile_files_read_oversized_file_refused),
    };

    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
