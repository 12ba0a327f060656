/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_DNSNAME_H
#define OCF_AWS_DNSNAME_H

#include "base.h"

/*
 * Domain names in the one spelling that Route 53 answers with: lower case, a dot at the end, and
 * every character but a-z 0-9 - _ as a backslash and three octal digits. Two names are the same
 * when these texts are.
 * Source: Route 53 Developer Guide, "DNS domain name format".
 */

#define DNSNAME_MAX 1025 /* 255 bytes of a name, each as an escape, and the NUL */

/*!
 * \brief Bring a name into that spelling: "DB.Example.com", "*.example.com", "\052.example.com."
 *
 * \return false when it is no name: an empty label, one of more than 63 bytes, more than 255 in
 *         all, an escape of other than three octal digits, a blank or a character beyond ASCII
 */
bool dnsname_canonical(const char *text, char ret[DNSNAME_MAX]) OCF_MUST_CHECK;

/*! \brief Whether a name is the zone's own or lies below it; both canonical. */
bool dnsname_is_within(const char *name, const char *zone);

/*! \brief As libc's resolver writes a canonical name: its escapes are decimal. */
void dnsname_for_resolver(const char *name, char ret[DNSNAME_MAX]);

#endif
