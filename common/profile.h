/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_PROFILE_H
#define OCF_AWS_PROFILE_H

#include "buf.h"
#include "err.h"

/*
 * The shared credentials and config files.
 * Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
 */

#define PROFILE_FILE_MAX (1024 * 1024)

/* Both files, read; a file that does not exist is empty. */
struct profile_files {
    struct buf credentials; /* sections are [NAME] */
    struct buf config;      /* sections are [profile NAME], and [default] */
};

/*!
 * \brief Read the files
 *
 * \param[in]  credentials_path  NULL: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials; when
 *                               given, the config file is not read and both kinds of section
 *                               count in this one
 * \param[in]  getenv_fn         the environment
 * \param[out] ret               untouched on failure; free with profile_files_done()
 *
 * \return 0; -ERR_PROFILE for a file that was named and cannot be read
 */
int profile_files_read(const char *credentials_path, const char *(*getenv_fn)(const char *),
                       struct profile_files *ret, struct err *e) OCF_MUST_CHECK;

void profile_files_done(struct profile_files *f);

/*! \brief Whether there is a section for the profile. */
bool profile_exists(const struct profile_files *f, const char *profile);

/*!
 * \brief The value of \p key in \p profile, appended to \p ret (may be a secret)
 *
 * The credentials file wins over the config file.
 *
 * \return true when the key is there with a value that is not empty
 */
bool profile_value(const struct profile_files *f, const char *profile, const char *key,
                   struct buf *ret);

/*!
 * \brief Read a small file whole into \p ret (appended)
 *
 * \return 0; -ERR_PROFILE with the path and the reason: missing, unreadable, not a regular file,
 *         writable by anybody, larger than ret->max, not a text
 */
int profile_read_file(const char *path, struct buf *ret, struct err *e) OCF_MUST_CHECK;

#endif
