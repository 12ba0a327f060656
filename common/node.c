/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "node.h"

#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PATH_LEN_MAX 128
#define KEY_MAX      1024
#define VALUE_MAX    512

/*
 * Cached values die with the boot even where /run outlives it (hibernation, images of a disk), and
 * are those of one metadata service: what a wrong metadata_url gave is nothing to the right one.
 */
static void
boot_key(const struct node *node, const char *what, const char *of, char key[KEY_MAX])
{
    OCF_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    char boot_id[37] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, boot_id, sizeof(boot_id) - 1);

    boot_id[n < 0 ? 0 : n] = '\0';
    (void)snprintf(key, KEY_MAX, "%s %s %s %.*s", what, of, boot_id, node->imds.base_len,
                   node->imds.base_url);
}

/* One metadata value, from the cache or from IMDS; a single word. */
static int
cached_value(struct node *n, const char *path, struct deadline d, struct buf *ret, struct err *e)
{
    char key[KEY_MAX];
    int rc = 0;

    boot_key(n, "imds", path, key);
    if (cache_get(n->cache, key, ret) && ret->len > 0) {
        return 0;
    }
    rc = imds_get_one(&n->imds, path, d, ret, e);
    if (rc == -ERR_NOT_FOUND) {
        /* Every instance has these: to callers "not found" is about what AWS does not have. */
        return err_set(e, ERR_MALFORMED, "IMDS has no %s", path);
    }
    if (rc < 0) {
        return rc;
    }
    if (ret->len == 0 || strlen(buf_str(ret)) != ret->len || !base_is_word(buf_str(ret)) ||
        strpbrk(buf_str(ret), "\"'<>") != NULL) {
        buf_clear(ret); /* or the next attempt would be put behind it */
        return err_set(e, ERR_MALFORMED, "IMDS: %s is not a single word", path);
    }
    cache_put(n->cache, key, ret->data, ret->len);
    return 0;
}

int
node_region(struct node *n, struct deadline d, struct buf *ret, struct err *e)
{
    return cached_value(n, "meta-data/placement/region", d, ret, e);
}

int
node_instance_id(struct node *n, struct deadline d, struct buf *ret, struct err *e)
{
    return cached_value(n, "meta-data/instance-id", d, ret, e);
}

static int
primary_link(struct node *n, struct deadline d, struct netif_link *ret, struct err *e)
{
    OCF_BUF struct buf mac = BUF_INIT(VALUE_MAX);
    int rc = cached_value(n, "meta-data/mac", d, &mac, e);

    return rc < 0 ? rc : netif_by_mac(buf_str(&mac), ret, e);
}

static int
fetch_ids(struct node *n, const char *mac, struct deadline d, struct buf *ret, struct err *e)
{
    static const char *const leaves[] = {"interface-id", "vpc-id", "subnet-id"};
    char paths[ARRAY_LEN(leaves)][PATH_LEN_MAX];
    struct imds_item items[ARRAY_LEN(leaves)] = {0};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        (void)snprintf(paths[i], PATH_LEN_MAX, "meta-data/network/interfaces/macs/%s/%s", mac,
                       leaves[i]);
        items[i].path = paths[i];
    }
    rc = imds_get(&n->imds, items, ARRAY_LEN(items), d);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        if (rc < 0 && items[i].error.code == rc) {
            *e = items[i].error;
        } else if (rc == 0 &&
                   buf_addf(ret, "%s%s", i == 0 ? "" : " ", buf_str(&items[i].value)) < 0) {
            rc = err_set(e, ERR_MALFORMED, "IMDS: %s is too long", paths[i]);
        }
    }
    imds_items_done(items, ARRAY_LEN(items));
    return rc;
}

static bool
parse_ids(const char *text, struct node_nic *nic)
{
    return sscanf(text, "%39s %39s %39s", nic->eni_id, nic->vpc_id, nic->subnet_id) == 3 &&
           awsid_is(nic->eni_id, "eni") && awsid_is(nic->vpc_id, "vpc") &&
           awsid_is(nic->subnet_id, "subnet");
}

/* The link that a parameter names. */
static int
named_link(const char *interface, struct netif_link *ret, struct err *e)
{
    struct err why = {0};
    int rc = netif_by_name(interface, ret, &why);

    if (rc == -ERR_NO_LINK) {
        return err_set(e, ERR_PARAM_LOCAL, "interface=\"%s\": %.400s", interface, why.text);
    }
    return rc < 0 ? err_set(e, (enum err_code) - rc, "%s", why.text) : 0;
}

int
node_check_interface(const char *interface, struct err *e)
{
    struct netif_link link;

    return interface == NULL ? 0 : named_link(interface, &link, e);
}

int
node_nic(struct node *n, const char *interface, struct deadline d, struct node_nic *ret,
         struct err *e)
{
    OCF_BUF struct buf ids = BUF_INIT(VALUE_MAX);
    struct node_nic nic = {0};
    char key[KEY_MAX];
    int rc =
        interface == NULL ? primary_link(n, d, &nic.link, e) : named_link(interface, &nic.link, e);

    if (rc < 0) {
        return rc;
    }
    boot_key(n, "nic", nic.link.mac, key);
    if (cache_get(n->cache, key, &ids) && parse_ids(buf_str(&ids), &nic)) {
        *ret = nic;
        return 0;
    }
    buf_clear(&ids);
    rc = fetch_ids(n, nic.link.mac, d, &ids, e);
    if (rc == -ERR_NOT_FOUND) {
        return err_set(e, ERR_PARAM_LOCAL,
                       "interface=\"%s\": %s is no network interface of this EC2 instance",
                       nic.link.name, nic.link.mac);
    }
    if (rc < 0) {
        return rc;
    }
    if (!parse_ids(buf_str(&ids), &nic)) {
        return err_set(e, ERR_MALFORMED, "IMDS: the ids of %s cannot be read", nic.link.mac);
    }
    cache_put(n->cache, key, ids.data, ids.len);
    *ret = nic;
    return 0;
}

/* The words of a metadata value as addresses, behind those already in the list. */
static int
append_addresses(const char *text, struct addr_list *list)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " \r\n");
        char word[ADDR_TEXT_MAX];

        (void)snprintf(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : 0), text);
        if (list->n == ADDR_LIST_MAX || !addr_parse(word, &list->items[list->n])) {
            return -ERR_MALFORMED;
        }
        list->n++;
        text += len + strspn(text + len, " \r\n");
    }
    return 0;
}

int
node_nic_addresses(struct node *n, const struct node_nic *nic, const char *const *leaves,
                   size_t n_leaves, struct deadline d, struct addr_list *ret, struct err *e)
{
    char paths[NODE_LEAVES_MAX][PATH_LEN_MAX];
    struct imds_item items[NODE_LEAVES_MAX] = {0};
    struct addr_list found = {.n = 0};
    int rc = 0;

    if (n_leaves > NODE_LEAVES_MAX) {
        return err_set(e, ERR_BUG, "more than %d lists of addresses", NODE_LEAVES_MAX);
    }
    for (size_t i = 0; i < n_leaves; i++) {
        (void)snprintf(paths[i], PATH_LEN_MAX, "meta-data/network/interfaces/macs/%s/%s",
                       nic->link.mac, leaves[i]);
        items[i].path = paths[i];
    }
    (void)!imds_get(&n->imds, items, n_leaves, d); /* each item has its own error */
    for (size_t i = 0; rc == 0 && i < n_leaves; i++) {
        if (items[i].error.code == -ERR_NOT_FOUND) {
            continue;
        }
        rc = items[i].error.code;
        if (rc < 0) {
            *e = items[i].error;
        } else if (append_addresses(buf_str(&items[i].value), &found) < 0) {
            rc = err_set(e, ERR_MALFORMED, "IMDS: %s holds what is no address", paths[i]);
        }
    }
    imds_items_done(items, n_leaves);
    if (rc == 0) {
        *ret = found;
    }
    return rc;
}

int
node_primary_ip(struct node *n, const struct node_nic *nic, struct deadline d, struct addr *ret,
                struct err *e)
{
    static const char *const leaves[] = {"local-ipv4s"};
    OCF_BUF struct buf cached = BUF_INIT(ADDR_TEXT_MAX);
    struct addr_list found = {.n = 0};
    char key[KEY_MAX];
    char text[ADDR_TEXT_MAX];
    int rc = 0;

    boot_key(n, "primary", nic->link.mac, key);
    if (cache_get(n->cache, key, &cached) && addr_parse(buf_str(&cached), ret)) {
        return 0;
    }
    rc = node_nic_addresses(n, nic, leaves, ARRAY_LEN(leaves), d, &found, e);
    if (rc == 0 && found.n == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "%s has no IPv4 address", nic->eni_id);
    }
    if (rc == 0) {
        *ret = found.items[0];
        (void)addr_text(ret, text);
        cache_put(n->cache, key, text, strlen(text));
    }
    return rc;
}
